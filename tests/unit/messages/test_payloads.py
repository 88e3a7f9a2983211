"""The payloads that ship, and those of a user's package."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from pydantic import Field, ValidationError
from writing import accepted, agent, batch, compact, envelope, heartbeat, refused, written, wrong

from messages import (
    SHIPPED_PAYLOADS,
    BatchPayload,
    Catalog,
    CompactMessage,
    Payload,
    encode,
)


class Resize(Payload, type="resize"):
    """A user's own."""

    width: Annotated[int, Field(gt=0)]


class Query(Payload, type="query"):
    """Asks, by its name."""


class Ask(Payload, type="ask", needs_answer=True):
    """Asks, because it says so."""


def test_a_heartbeat_has_the_agent_and_its_figures() -> None:
    """Numbers by name."""
    payload = accepted(heartbeat(metrics={"queue": 3, "load": 0.5})).payload
    assert payload.agent_status.agent_id == "asker"
    assert payload.metrics == {"queue": 3.0, "load": 0.5}
    assert wrong(heartbeat(metrics={"queue": "many"})) == [
        ("payload.metrics.queue", "float_parsing")
    ]


def test_an_error_has_a_code_and_a_message() -> None:
    """The rest is optional."""
    payload = {"message_type": "error", "error_code": "x", "error_message": "y"}
    told = accepted(envelope(payload)).payload
    assert (told.error_details, told.original_message_id) == ({}, None)
    assert wrong(envelope(payload | {"error_code": "", "original_message_id": "7"})) == [
        ("payload.error_code", "string_too_short"),
        ("payload.original_message_id", "uuid_parsing"),
    ]


def test_a_batch_counts_its_messages() -> None:
    """More or fewer is an error of its own."""
    assert accepted(batch(compact(1), compact(2))).payload.count == 2
    assert wrong(batch(compact(), count=2)) == [("payload", "batch_count")]
    assert wrong(batch()) == [("payload.count", "greater_than")]


def test_the_payload_size_of_a_batch_is_computed() -> None:
    """Written by us, and dropped when read: nobody can lie about it."""
    message = accepted(batch(compact(1), compact(22), total_payload_size=99_999))
    assert message.payload.total_payload_size == len('{"n":1}') + len('{"n":22}')
    document = json.loads(encode(message))
    assert document["payload"]["total_payload_size"] == 15
    assert accepted(encode(message)) == message


def test_a_wrong_message_of_a_batch_is_told_in_its_place() -> None:
    """The first one; how many there are is counted."""
    bad = batch(compact(), compact(msg_type="what"), compact(headers=[["a"]]), 7)
    invalid = refused(bad)
    assert [one.field_path for one in invalid.errors] == [
        "payload.messages.1.msg_type",
        "payload.messages.2.headers.0.1",
        "payload.messages.3",
    ]
    assert invalid.error_count == 3


def test_a_batch_made_by_a_program_can_be_written() -> None:
    """Whatever numbers are in it."""
    messages = [CompactMessage(msg_id=1, msg_type="req", payload={"n": 2**70})]
    assert BatchPayload(batch_id=1, count=1, messages=messages).total_payload_size > 20


def test_a_users_payload_is_decoded_beside_the_shipped_ones() -> None:
    """By its own type name."""
    catalog = Catalog([*SHIPPED_PAYLOADS, Resize])
    body = written(envelope({"message_type": "resize", "width": 7}))
    assert catalog.decode(body).payload == Resize(width=7)
    assert catalog.payload_type("resize") is Resize
    assert "resize" in catalog.message_types
    assert refused(written(envelope({"message_type": "resize", "width": 0})), catalog=catalog)


def test_a_single_payload_needs_no_union() -> None:
    """Its errors stand in their place all the same."""
    catalog = Catalog([Resize])
    invalid = refused(written(envelope({"message_type": "resize", "width": 0})), catalog=catalog)
    assert invalid.errors[0].field_path == "payload.width"


def test_two_payloads_of_one_name_are_refused_at_start() -> None:
    """One of them would never be seen."""

    class Other(Payload, type="resize"):
        """Another author's."""

    with pytest.raises(ValueError, match="'resize'; rename one"):
        Catalog([Resize, Other])


@pytest.mark.parametrize("name", ["", "Resize", "a.b", "a b", "x" * 101])
def test_a_name_no_message_can_have_is_refused_where_it_is_written(name: str) -> None:
    """By the class statement."""
    with pytest.raises(TypeError, match="1-100 lower-case letters"):

        class Bad(Payload, type=name):
            """Never made."""


def test_questions_need_an_answer() -> None:
    """By their name or by their own word."""
    assert (Query.needs_answer, Ask.needs_answer, Resize.needs_answer) == (True, True, False)


def test_a_payload_cannot_be_given_another_type() -> None:
    """Its discriminator is its own."""
    with pytest.raises(ValidationError, match="literal"):
        Resize(width=1, message_type="heartbeat")
    assert accepted(heartbeat() | {"source_agent": agent()}).payload.message_type == "heartbeat"
