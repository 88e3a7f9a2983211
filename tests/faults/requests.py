"""The requests of a run: ids known from all others, and whole messages around them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Final
from uuid import UUID

import orjson

from workers.link.wire import pack_properties

#: A reply address of the agent the harness plays.
AGENT: Final = "faults"
MAILBOX: Final = "answers"
REPLY_TO: Final = f"agent://{AGENT}/{MAILBOX}"
#: Longest ttl there is. None passes here: nobody says when a message was made, since a row may last
#: longer than that, and nothing may expire in it.
TTL: Final = 300
_LOW: Final = 2**64


def request_id(run: int, number: int) -> str:
    """Return the id of the n-th request of a run."""
    return str(UUID(int=run * _LOW + number))


def number_of(run: int, text: str) -> int | None:
    """Return which request of the run an id names, or None for a stranger's."""
    try:
        high, low = divmod(UUID(text).int, _LOW)
    except ValueError:
        return None
    return low if high == run else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a publisher is to send."""

    url: str
    ledger: str
    run: int
    #: Confirmed requests wanted, numbered from `first` on.
    count: int
    first: int = 0
    #: Unconfirmed ones at most.
    window: int = 200
    #: A second; 0 is as many as go.
    rate: float = 0.0
    #: Go on beyond the count until told to end (SIGTERM).
    endless: bool = False
    #: Seconds after which it ends whatever is confirmed.
    within: float = 7_200.0
    exchange: str = "leveret.requests"
    reply_to: str = REPLY_TO
    #: Task types in turn, with their parameters.
    tasks: tuple[tuple[str, dict[str, object]], ...] = (("effect", {}),)
    headers: dict[str, object] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as one argument of a command line."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def of(cls, text: str) -> Order:
        """Return the order in an argument."""
        told = orjson.loads(text)
        return cls(**told | {"tasks": tuple((name, given) for name, given in told["tasks"])})

    def message(self, number: int) -> tuple[str, bytes, bytes]:
        """Return routing key, properties and body of the n-th request."""
        task, parameters = self.tasks[number % len(self.tasks)]
        told = request_id(self.run, number)
        properties = pack_properties(
            content_type="application/json",
            delivery_mode=2,
            correlation_id=told,
            message_id=told,
            headers=self.headers,
        )
        return f"task_request.{task}", properties, body(told, task, parameters, self.reply_to)


def body(told: str, task: str, parameters: dict[str, object], reply_to: str = REPLY_TO) -> bytes:
    """Return a whole task request."""
    return orjson.dumps(
        {
            "envelope_id": told,
            "message_type": "task_request",
            "ttl": TTL,
            "reply_to": reply_to,
            "source_agent": {
                "agent_id": AGENT,
                "role": "worker",
                "capabilities": ["task_execution"],
                "load_factor": 0.0,
            },
            "payload": {
                "message_type": "task_request",
                "request": {"task_type": task, "parameters": parameters},
            },
        }
    )
