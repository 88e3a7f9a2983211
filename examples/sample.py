"""One message of the sample load, and the sender that writes it.

The JSON is written by hand, as a program would that knows the protocol and none of the project's
models: a good sample shows what is accepted, not what the project itself would write.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from workers.outcome import Properties

Document: TypeAlias = dict[str, Any]

#: Bytes a worker takes where its settings say nothing else.
USUAL_BODY_LIMIT: Final = 1024 * 1024


class End(Enum):
    """Where a message comes to rest; `retried` is on the way there."""

    REPLIED = "replied"
    DEAD_LETTERED = "dead_lettered"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must become of a sample."""

    end: End = End.REPLIED
    #: Of its dead letter; empty for a sample that is replied.
    error_code: str = ""
    #: Attempts that fail before the last one.
    retries: int = 0
    #: The message type of its answer; empty where nobody asked, or nobody may be answered.
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One message to publish, and what must become of it.

    `id` is its envelope id wherever the body can still tell one. It is always the AMQP
    `correlation_id`, which answers and dead letters carry on, so that each can be told apart.
    The routing key is made of `message_type`, `task_type` and `urgent` (`Names.request_key`).
    """

    id: str
    #: What kind of sample it is, for reading: `echo`, `truncated` …
    kind: str
    body: bytes
    properties: Properties
    expected: Expected
    message_type: str
    task_type: str | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends the samples, and what it knows of the worker."""

    agent_id: str = "sampler"
    #: Where answers are wanted. The worker must be allowed to answer there.
    reply_to: str = "agent://sampler/answers"
    #: The project's prefix: one sample wants its answer in a queue under it, and is refused.
    prefix: str = "leveret"
    max_body_bytes: int = USUAL_BODY_LIMIT
    #: When the samples are sent; they can be served for 300 s from then on.
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes the samples of one load; ids and choices come from its own dice."""

    sender: Sender
    chance: random.Random

    def envelope(self, payload: Document, **others: Any) -> Document:
        """Return a whole message around a payload; `others` are further fields of the envelope."""
        envelope: Document = {
            "envelope_id": self.new_id(),
            "message_type": payload["message_type"],
            "correlation_id": None,
            "reply_to": self.sender.reply_to,
            "ttl": 300,
            "timestamp": self.sender.now.isoformat(),
            "version": "1.0.0",
            "source_agent": self.agent(),
            "target_agent": None,
            "payload": payload,
        }
        return envelope | others

    def task(self, task_type: str, parameters: Document, **others: Any) -> Document:
        """Return a `task_request`; `others` are further fields of the request."""
        request = {
            "task_id": self.new_id(),
            "task_type": task_type,
            "priority": self.chance.randint(1, 7),
            "budget": "25.00",
            "parameters": parameters,
        }
        return {
            "message_type": "task_request",
            "request": request | others,
            "execution_context": {},
        }

    def agent(self) -> Document:
        """Return how the sender describes itself."""
        return {
            "agent_id": self.sender.agent_id,
            "role": "coordinator",
            "capabilities": ["coordination", "task_distribution"],
            "load_factor": 0.25,
        }

    def sample(self, document: Document, expected: Expected, *, kind: str = "") -> Sample:
        """Return the sample of a whole message; its payload says where it is routed."""
        payload = document["payload"]
        request = payload.get("request", {})
        message_type, task_type = payload["message_type"], request.get("task_type")
        priority = request.get("priority", 0)
        return Sample(
            id=document["envelope_id"],
            kind=kind or task_type or message_type,
            body=written(document),
            properties=self.properties(document["envelope_id"], document["reply_to"]),
            expected=expected,
            message_type=message_type,
            task_type=task_type,
            urgent=isinstance(priority, int) and priority >= URGENT_FROM,
        )

    def call(self, method: str, params: object, expected: Expected, *, kind: str) -> Sample:
        """Return a sample in JSON-RPC 2.0: the same question without an envelope."""
        call_id = self.new_id()
        message_type, _, task_type = method.partition(".")
        call = {"jsonrpc": "2.0", "method": method, "params": params, "id": call_id}
        properties = self.properties(call_id, self.sender.reply_to)
        return Sample(
            id=call_id,
            kind=kind,
            body=written(call),
            properties=properties._replace(content_type="application/json-rpc"),
            expected=expected,
            message_type=message_type,
            task_type=task_type or None,
        )

    def properties(self, sample_id: str, reply_to: str | None) -> Properties:
        """Return the AMQP properties that every sample has."""
        return Properties(
            content_type="application/json",
            correlation_id=sample_id,
            reply_to=reply_to,
            app_id=self.sender.agent_id,
        )

    def new_id(self) -> str:
        """Return a UUID from the dice: the same load has the same ids."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))


#: The least priority that goes to the urgent queue, and that needs a budget of 1000.00.
URGENT_FROM: Final = 8


def written(document: object) -> bytes:
    """Return a document as it goes over the wire."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
