"""What a refused message still tells of itself."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import orjson
import pytest
from calling import calling
from writing import task, written

from workers.logs.outcomes import log_outcome
from workers.outcome import DeadLettered, Delivery, Subject
from workers.testing import Rehearsal

ID = UUID(int=7)
TELEPORT = {"message_type": "teleport"}


async def subject(body: bytes) -> Subject:
    """Return what a body that is refused was about."""
    outcome = await Rehearsal(calling()).bytes(body)
    assert isinstance(outcome, DeadLettered)
    return outcome.subject


def misfit(**changes: Any) -> bytes:
    """Return a task whose priority is beyond all bounds."""
    return written(task(priority=99, **changes) | {"envelope_id": str(ID)})


async def test_a_misfit_is_found_under_its_own_types() -> None:
    """An operator who looks for what failed of a task type sees it; so do the metrics."""
    found = await subject(misfit(task_type="ECHO"))
    assert (found.message_type, found.task_type) == ("task_request", "echo")
    assert found.envelope_id == ID
    assert found.sender_id


@pytest.mark.parametrize("task_type", ["nobodys", "x" * 10_000, 7, None, ["echo"]])
async def test_a_task_type_nobody_registered_is_unknown(task_type: object) -> None:
    """It is the sender's word, and no label for a metric or a log."""
    found = await subject(misfit(task_type=task_type))
    assert (found.message_type, found.task_type) == ("task_request", "unknown")


@pytest.mark.parametrize("message_type", ["nobodys", "x" * 10_000, 7, None, {"a": 1}])
async def test_a_message_type_nobody_registered_is_unknown(message_type: object) -> None:
    """Likewise."""
    found = await subject(written({"payload": {"message_type": message_type}}))
    assert (found.message_type, found.task_type) == ("unknown", "")


@pytest.mark.parametrize(
    ("task_type", "asked"),
    [
        ("teleport", "teleport"),
        ("Teleport-2", "teleport-2"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "unknown"),
        ("two words", "unknown"),
        ("\x1b[31mred", "unknown"),
        ("a.b", "unknown"),
        ("\u0435cho", "unknown"),
        ("", "unknown"),
        (7, "unknown"),
    ],
)
async def test_a_dead_letter_tells_the_task_type_that_is_missing(
    task_type: object, asked: str
) -> None:
    """An operator sees which one; what could be no type at all stays unknown there too."""
    for body in (misfit(task_type=task_type), written(task(task_type=task_type))):
        found = await subject(body)
        assert found.told == ("task_request", asked)
        assert (found.message_type, found.task_type) == ("task_request", "unknown")


@pytest.mark.parametrize(
    ("message_type", "asked"),
    [("nobodys", "nobodys"), ("Nobodys", "unknown"), ("no\nbody", "unknown"), (7, "unknown")],
)
async def test_a_dead_letter_tells_the_message_type_that_is_missing(
    message_type: object, asked: str
) -> None:
    """Likewise; a message type is written in lower case alone."""
    found = await subject(written({"payload": {"message_type": message_type}}))
    assert found.told == (asked, "")
    assert (found.message_type, found.task_type) == ("unknown", "")


async def test_whatever_form_it_has_the_missing_type_is_told() -> None:
    """Calls of JSON-RPC and lean messages name their types elsewhere."""
    call = {"jsonrpc": "2.0", "method": "nobodys", "id": 1}
    assert (await subject(orjson.dumps(call))).told == ("nobodys", "")
    short = call | {"method": "task_request.teleport"}
    assert (await subject(orjson.dumps(short))).told == ("task_request", "teleport")
    lean = {"msg_id": 7, "msg_type": "nobodys", "data": {}, "timestamp": 1e9}
    assert (await subject(orjson.dumps(lean))).told == ("nobodys", "")


async def test_no_line_of_the_log_tells_a_type_that_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lines are counted and collected by their types; the letter that a line names tells it."""
    caplog.set_level(logging.DEBUG)
    for body in (written(task(task_type="teleport")), written({"payload": TELEPORT})):
        log_outcome(Delivery(body), await Rehearsal(calling()).bytes(body))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "teleport" not in str([vars(record) for record in caplog.records])


async def test_what_is_registered_is_told_as_it_is() -> None:
    """And nothing beside it."""
    found = await subject(misfit(task_type="echo"))
    assert (found.told, found.asked) == (("task_request", "echo"), "")


async def test_a_task_type_in_place_of_a_message_type_is_told_as_one() -> None:
    """Whoever registered a task looks for its name among the message types in vain."""
    body = written({"payload": {"message_type": "ECHO", "text": "x"}})
    outcome = await Rehearsal(calling()).bytes(body)
    assert isinstance(outcome, DeadLettered)
    assert "echo is a task type here" in outcome.failure.reason
    assert "leveret publish --task echo" in outcome.failure.reason


async def test_a_call_that_does_not_fit_is_found_under_its_method() -> None:
    """JSON-RPC names the type there."""
    call = {"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": "x"}, "id": 1}
    assert (await subject(orjson.dumps(call))).message_type == "subtract"


async def test_of_what_is_no_document_nothing_is_known() -> None:
    """And nothing is made up."""
    assert await subject(b"{") == Subject()
