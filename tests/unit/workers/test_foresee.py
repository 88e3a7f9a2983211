"""What a worker would say of a delivery now, without running anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from messages import ErrorCode, ProtocolModel
from topology import Names
from workers import Context, Registry, headers
from workers.outcome import Delivery, Properties
from workers.pipeline import Pipeline
from workers.policy import policy_of
from workers.settings import Settings
from workers.testing import agent

LONG_AGO = datetime.now(UTC) - timedelta(days=1)
started: list[str] = []


class Words(ProtocolModel):
    """Parameters."""

    text: str


def pipeline(**settings: Any) -> Pipeline:
    """Return a worker's decision for one task type."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        started.append(words.text)
        return words

    return Pipeline(registry, policy_of(Settings(**settings), agent(), user="worker"))


def task(sent: datetime | None = None, **request: Any) -> bytes:
    """Return a task in an envelope."""
    return orjson.dumps(
        {
            "envelope_id": str(uuid4()),
            "message_type": "task_request",
            "reply_to": "agent://a/b",
            "source_agent": agent().model_dump(mode="json"),
            "timestamp": sent or datetime.now(UTC),
            "payload": {
                "message_type": "task_request",
                "request": {"task_id": str(uuid4()), "task_type": "echo"} | request,
                "execution_context": {},
            },
        },
    )


def test_what_would_be_processed_has_nothing_against_it_and_is_not_run() -> None:
    """Foreseeing is not doing."""
    assert pipeline().foresee(Delivery(task(parameters={"text": "hare"}))) is None
    assert not started


def test_each_step_before_the_processor_says_no_in_its_own_words() -> None:
    """The codes are those of the dead letter that would come of it."""
    for body, code in (
        (b"{", ErrorCode.INVALID_JSON),
        (task(task_type="gone"), ErrorCode.UNKNOWN_TASK_TYPE),
        (task(parameters={"text": 3}), ErrorCode.INVALID_PAYLOAD),
        (task(LONG_AGO, parameters={"text": "hare"}), ErrorCode.EXPIRED),
    ):
        foreseen = pipeline().foresee(Delivery(body))
        assert foreseen is not None
        assert foreseen.code is code


def test_a_replay_is_believed_from_an_operator_and_from_nobody_else() -> None:
    """A replayed message has no ttl left, whoever among the operators sends it."""

    def replayed(user: str) -> Delivery:
        return Delivery(
            task(LONG_AGO, parameters={"text": "hare"}),
            Properties(headers={headers.REPLAYS: 1}, user_id=user),
        )

    for user in ("worker", f"{Names().prefix}.operator", "ada"):
        assert pipeline(operators=("ada",)).foresee(replayed(user)) is None
    assert pipeline().foresee(replayed("ada")) is not None
