"""What a refused message still tells of itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest
from calling import calling
from writing import task, written

from workers.outcome import DeadLettered, Subject
from workers.testing import Rehearsal

ID = UUID(int=7)


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
    """It is the sender's word, and no label for a metric."""
    found = await subject(misfit(task_type=task_type))
    assert (found.message_type, found.task_type) == ("task_request", "unknown")


@pytest.mark.parametrize("message_type", ["nobodys", "x" * 10_000, 7, None, {"a": 1}])
async def test_a_message_type_nobody_registered_is_unknown(message_type: object) -> None:
    """Likewise."""
    found = await subject(written({"payload": {"message_type": message_type}}))
    assert (found.message_type, found.task_type) == ("unknown", "")


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
