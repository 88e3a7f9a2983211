"""What every model of the protocol has in common (section 1, base)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from writing import accepted, agent, envelope, heartbeat, task, written, wrong

from messages import AgentRole, Message, ProtocolModel, UtcDatetime, encode


class Note(ProtocolModel):
    """A model of a user's."""

    text: str = ""
    role: AgentRole = AgentRole.WORKER
    share: float = 0.0
    at: UtcDatetime | None = None
    free: dict[str, Any] = {}


def test_a_model_cannot_be_changed() -> None:
    """What was validated stays as it was."""
    with pytest.raises(ValidationError, match="frozen"):
        Note().text = "other"  # type: ignore[misc] # that is the point


def test_an_unknown_field_is_refused() -> None:
    """A misspelt field is no field."""
    message = task(colour="green")
    assert wrong(message) == [("payload.request.colour", "extra_forbidden")]


def test_white_space_around_a_string_is_stripped() -> None:
    """Around it, and not within."""
    assert Note(text=" a b \n").text == "a b"


def test_repeated_strings_are_one_object() -> None:
    """A string that comes in every message is kept once."""
    first, second = (accepted(written(task())).source_agent.agent_id for _ in range(2))
    assert first is second


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-01-31T12:00:00", 12),
        ("2026-01-31T12:00:00Z", 12),
        ("2026-01-31T12:00:00+02:00", 10),
        ("2026-01-31T12:00:00-11:30", 23),
    ],
)
def test_every_instant_is_in_utc(text: str, hour: int) -> None:
    """One without a zone is taken for UTC, one with another zone is moved."""
    at = Note.model_validate({"at": text}).at
    assert at is not None
    assert at.utcoffset() == timedelta(0)
    assert at.hour == hour


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_that_utc_does_not_have_is_refused(text: str) -> None:
    """Moving it would leave the years there are."""
    assert wrong(envelope(heartbeat()["payload"], timestamp=text)) == [
        ("timestamp", "datetime_parsing")
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(number: float) -> None:
    """NaN and infinities are no values of a field."""
    with pytest.raises(ValidationError, match="finite"):
        Note(share=number)


def test_enums_travel_as_their_values() -> None:
    """Readers see the word, in JSON and in Python."""
    assert Note().model_dump_json() == (
        '{"text":"","role":"worker","share":0.0,"at":null,"free":{}}'
    )
    assert Note().model_dump()["role"] == "worker"


def test_json_stands_in_for_what_it_has_no_type_for() -> None:
    """UUIDs, amounts and instants are written as text."""
    request = accepted(task(budget="12.5", deadline="2999-01-01T00:00:00Z")).payload.request
    assert isinstance(request.task_id, UUID)
    assert str(request.budget) == "12.50"
    assert request.deadline == datetime(2999, 1, 1, tzinfo=UTC)


def test_a_lone_message_has_an_id_a_time_and_a_version_of_its_own() -> None:
    """Only the sender must be given."""
    message = Message(sender_id="a")
    assert message.message_id != Message(sender_id="a").message_id
    assert datetime.now(UTC) - message.timestamp < timedelta(minutes=1)
    assert message.version == "1.0.0"


@pytest.mark.parametrize("sender_id", ["", "   ", "x" * 129, 7, None, True])
def test_a_sender_id_is_a_string_of_1_to_128_characters(sender_id: object) -> None:
    """Nothing else names anybody."""
    with pytest.raises(ValidationError):
        Message(sender_id=sender_id)  # type: ignore[arg-type] # that is the point


@pytest.mark.parametrize("version", ["1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.x", 1, None])
def test_a_version_is_three_numbers(version: object) -> None:
    """And a string."""
    path, kind = wrong(task() | {"version": version})[0]
    assert path == "version"
    assert kind in {"string_pattern_mismatch", "string_type"}


def test_a_valid_message_survives_the_wire() -> None:
    """What is written is read as the same."""
    message = accepted(task(priority=9, budget=2000) | {"source_agent": agent(rank="high")})
    assert accepted(encode(message)) == message
