"""Written straight or by the models, an answer is the same document."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from math import inf, nan
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import BaseModel, Field, RootModel

from messages import (
    Envelope,
    ErrorCode,
    HeartbeatPayload,
    Payload,
    ProtocolModel,
    TaskRequest,
    TaskRequestPayload,
    TaskResult,
    TaskStatus,
    answer_task,
    encode,
)
from workers import Context, Registry
from workers.answering.forms import Ids
from workers.answering.task_answers import TaskAnswers
from workers.answering.unsayable import Unsayable
from workers.executor.reply import result_of, write_result
from workers.executor.spent import Spent
from workers.outcome import DeadLettered, Replied
from workers.testing import Rehearsal, agent

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)
SOURCE = agent("worker")


class Mixed(BaseModel):
    """A result of all sorts."""

    text: str = 'häre "quoted" \n'
    number: int = 2**63
    share: float = 0.1
    when: datetime = NOW
    cost: Decimal = Decimal("1.50")
    ident: UUID = UUID(int=7)
    renamed: int = Field(default=1, alias="other")
    inner: dict[str, Any] = {"_private_key": 1, "kept": [{"_private": 2, "a": None}]}


def request(**changes: Any) -> Envelope:
    """Return a task to be answered."""
    payload = TaskRequestPayload(request=TaskRequest(task_type="echo"))
    return Envelope(
        message_type="task_request", payload=payload, source_agent=agent("asker"), **changes
    )


def by_models(asked: Envelope, content: dict[str, Any]) -> dict[str, Any]:
    """Return the document as the models write it."""
    assert isinstance(asked.payload, TaskRequestPayload)
    result = TaskResult(
        task_id=asked.payload.request.task_id,
        status=TaskStatus.COMPLETED,
        completion_time=NOW,
        result_data=content,
    )
    document: dict[str, Any] = orjson.loads(encode(answer_task(asked, result, source=SOURCE)))
    return document


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what is new in each."""
    for key in ("envelope_id", "timestamp"):
        assert document.pop(key)
    assert document["payload"]["response"]["_meta"].pop("serialized_at")
    return document


@pytest.mark.parametrize("result", [None, {}, {"a": [1, "b", None, 0.5]}, {"_private": 1}, Mixed()])
@pytest.mark.parametrize("correlation_id", [None, uuid4()])
def test_both_ways_write_the_same(result: Any, correlation_id: UUID | None) -> None:
    """Field for field, in the same order, private keys left out at any depth."""
    asked = request(correlation_id=correlation_id)
    content = result.model_dump(mode="json") if isinstance(result, BaseModel) else result or {}
    written = TaskAnswers(SOURCE).write(asked, result, NOW)
    assert written is not None
    straight, modelled = orjson.loads(written), by_models(asked, content)
    assert list(straight) == list(modelled)
    assert list(straight["payload"]["response"]) == list(modelled["payload"]["response"])
    assert comparable(straight) == comparable(modelled)


@pytest.mark.parametrize(
    "result",
    [
        RootModel[list[int]]([1]),
        [1],
        "text",
        {1: "a"},
        {"a": NOW},
        {"a": {1, 2}},
        {"a": Decimal(1)},
        {"a": "\ud800"},
        HeartbeatPayload(agent_status=SOURCE, metrics={}),
    ],
)
def test_what_is_not_plainly_an_object_is_left_to_the_models(result: object) -> None:
    """They write it, or refuse it in their own words."""
    assert TaskAnswers(SOURCE).write(request(), result, NOW) is None


def test_ids_are_random_uuids() -> None:
    """Of version 4, and none twice, with more than one beginning."""
    fresh = Ids()
    ids = [UUID(fresh.next().decode()) for _ in range(10_000)]
    assert len(set(ids)) == 10_000
    assert {one.version for one in ids} == {4}
    assert {one.variant for one in ids} == {uuid4().variant}


class Words(ProtocolModel):
    """Parameters nobody looks at."""


class Loose(BaseModel):
    """A user's model that lets any number pass."""

    share: float = 0.0
    note: str | None = None


@dataclass
class Plain:
    """A user's dataclass that lets any number pass."""

    share: float


class LooselyAnswered(Payload, type="loosely_answered"):
    """An answer whose content nobody checks."""

    content: dict[str, Any]


class Big(BaseModel, extra="allow"):
    """A result with any number, and any key."""

    n: int
    t: str


class Counted(BaseModel):
    """A result with a whole number."""

    number: int


NO_NUMBER = (nan, inf, -inf)
#: One digit more than any reader takes.
TOO_LONG = 10**4_300
UNSAYABLE = [
    *(
        wrong
        for number in NO_NUMBER
        for wrong in (
            {"a": [{"b": number}]},
            {"when": NOW, "a": (1, number)},
            Loose(share=number),
            {"best": Loose(share=number)},
            {"all": [Plain(share=number)]},
            {"row": deque([number])},
            {"odd": Enum("Odd", {"SHARE": number}).SHARE},  # type: ignore[attr-defined] # its member
            LooselyAnswered(content={"a": number}),
            TaskResult(
                task_id=uuid4(),
                status=TaskStatus.COMPLETED,
                completion_time=NOW,
                result_data={"a": number},
            ),
        )
    ),
    {"a": TOO_LONG},
    {"row": deque([TOO_LONG])},
    Counted(number=-TOO_LONG),
    LooselyAnswered(content={"a": TOO_LONG}),
    {1},
]


@pytest.mark.parametrize("wrong", UNSAYABLE, ids=lambda wrong: type(wrong).__name__)
async def test_what_no_answer_can_say_is_the_processors_mistake(wrong: Any) -> None:
    """Neither null nor a body that no parser takes goes to whoever asked; the letter says what."""
    registry = Registry()

    @registry.task("echo", parameters=Words, retries=0)
    async def echo(words: Words, _context: Context) -> Any:
        return wrong

    outcome = await Rehearsal(registry).task("echo")
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code is ErrorCode.PROCESSING_FAILED
    assert outcome.failure.exception == "Unsayable"
    assert "a processor returned" in outcome.failure.reason


@pytest.mark.parametrize("wrong", UNSAYABLE, ids=lambda wrong: type(wrong).__name__)
def test_what_no_answer_can_say_is_so_in_a_child_process(wrong: Any) -> None:
    """The same failure, in the same words."""
    with pytest.raises(Unsayable, match="a processor returned"):
        write_result(wrong, Spent())


@pytest.mark.parametrize(
    "result", [{"a": TOO_LONG - 1}, Counted(number=1 - TOO_LONG), Loose(note="9" * 5_000)]
)
async def test_the_longest_number_there_is_arrives(result: Any) -> None:
    """And a text of digits is no number."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Any:
        return result

    outcome = await Rehearsal(registry).task("echo")
    assert isinstance(outcome, Replied)
    facts, body = write_result(result, Spent())
    given = result if isinstance(result, dict) else result.model_dump()
    assert result_of(orjson.loads(facts), body, Spent().since(Spent(), 0)) == given


def test_a_number_is_whole_beside_a_word_that_looks_private() -> None:
    """Leaving out private keys changes nothing else, however large a number is."""
    result = {"n": 12345678901234567890123, "t": 'say "_private', "_private": 1, "f": 0.1}
    written = TaskAnswers(SOURCE).write(request(), Big(**result), NOW)
    assert written is not None
    said = json.loads(written)["payload"]["response"]["result_data"]
    assert said == {key: value for key, value in result.items() if key != "_private"}


async def test_an_iterator_is_written_once_and_whole() -> None:
    """To look whether it can be said does not use it up."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Any:
        return {"rows": (number for number in (1, 2, 3))}

    outcome = await Rehearsal(registry).task("echo")
    assert isinstance(outcome, Replied)
    assert outcome.answer is not None
    assert b'"rows":[1,2,3]' in outcome.answer.body


@pytest.mark.parametrize("result", [{"a": None, "b": "NaN null"}, Loose(note="Infinity")])
def test_what_only_looks_like_one_is_written(result: Any) -> None:
    """A null that was meant, and words, are no mistakes."""
    assert TaskAnswers(SOURCE).write(request(), result, NOW) is not None
