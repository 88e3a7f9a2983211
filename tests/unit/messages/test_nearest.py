"""A misspelt type is told with the one that was probably meant, where it is refused."""

from __future__ import annotations

import orjson
import pytest

from messages import ProtocolModel
from messages.nearest import LONGEST, MOST_COMPARED, did_you_mean
from workers import Context, Registry
from workers.outcome import DeadLettered
from workers.testing import Rehearsal, agent, read


class Given(ProtocolModel):
    """Parameters, and the result."""


@pytest.fixture
def rehearsal() -> Rehearsal:
    """Lend a worker with one task type."""
    registry = Registry()

    @registry.task("train_model", parameters=Given)
    async def train(given: Given, _context: Context) -> Given:
        return given

    return Rehearsal(registry)


def test_only_a_known_name_is_ever_told() -> None:
    """And nothing where none is near, or what was written is no name."""
    assert did_you_mean("trian_model", ["echo", "train_model"]) == "; did you mean train_model?"
    assert did_you_mean("Echo", ["echo"]) == "; did you mean echo?"
    for written in ("nothing_like_it", 3, None, "e" * (LONGEST + 1)):
        assert did_you_mean(written, ["echo"]) == ""


def test_the_work_for_a_message_is_bounded() -> None:
    """However many names there are."""
    names = (str(number) for number in range(10**9))
    assert did_you_mean("x", names) == ""
    assert next(names) == str(MOST_COMPARED)


async def test_a_misspelt_task_type_is_told_in_the_letter_and_to_the_asker(
    rehearsal: Rehearsal,
) -> None:
    """The same reason for both."""
    outcome = await rehearsal.task("trian_model")
    assert isinstance(outcome, DeadLettered)
    assert "did you mean train_model? registered are: train_model" in outcome.failure.reason
    assert "did you mean train_model?" in str(read(outcome.answer))


async def test_a_misspelt_message_type_and_method_are_told(rehearsal: Rehearsal) -> None:
    """In the form that they came in."""
    envelope = {
        "message_type": "task_reqest",
        "source_agent": agent().model_dump(mode="json"),
        "payload": {"message_type": "task_reqest"},
    }
    outcome = await rehearsal.bytes(orjson.dumps(envelope))
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.reason.endswith("not known here; did you mean task_request?")
    call = {"jsonrpc": "2.0", "method": "task_reqest", "params": {}, "id": 1}
    outcome = await rehearsal.bytes(orjson.dumps(call))
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.reason.endswith("known here; did you mean task_request?")
