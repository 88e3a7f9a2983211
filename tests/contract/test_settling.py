"""What settling does at a broker: one suite for the fake and for a link to a real one.

Every unit test of settling believes the fake; here it has to say what a broker says.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

import orjson
import pytest
from broker.worker import NAMES, eventually
from contract.recording import RecordingBooks
from contract.stages import (
    ANSWERS,
    MAILBOX,
    MAILBOX_KEY,
    RETRY,
    RUNG,
    OnPaper,
    OnTheBroker,
    Stage,
)

from messages import ErrorCode
from workers import headers as h
from workers.copies import Origin
from workers.outcome import (
    Answer,
    Attempt,
    Batched,
    DeadLettered,
    End,
    Expired,
    Failure,
    Replied,
    Requeued,
    Retried,
    Subject,
)
from workers.patience import ANSWER_TRIES
from workers.publication import Published
from workers.settle import Settler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.outcome import Delivery, Outcome

SUBJECT = Subject("task_request", "echo")
FAILURE = Failure(ErrorCode.REJECTED, "no")
#: To a plain queue, and to an agent's mailbox.
PLAIN = Answer("", ANSWERS, "c-1", "task_response", b"{}")
AGENT = Answer(NAMES.replies, MAILBOX_KEY, "c-1", "error", b"[]")
HISTORY = (Attempt(1, "processing_failed", "once", "2026-01-01T00:00:00+00:00", "worker-1"),)
DEAD = DeadLettered(SUBJECT, FAILURE, "letter-1", 2, HISTORY, AGENT)
WAITS = Retried(SUBJECT, FAILURE, RUNG, 1, HISTORY)
LATE = Expired(SUBJECT, Failure(ErrorCode.EXPIRED, "late"), "letter-2", answer=PLAIN)
LETTERS = NAMES.dead_queue("default")


class Desk:
    """A settler on a stage, with its books."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.log = stage.log
        self.books = RecordingBooks()
        origin = Origin(NAMES, "default", "worker-1", "guest")
        now = datetime(2026, 1, 1, tzinfo=UTC)
        self._settler = Settler(stage.broker, origin, self.books, now=lambda: now)

    async def settle(self, outcome: Outcome) -> Delivery:
        """Bring one message, settle it, and return it."""
        delivery = await self.stage.deliver(
            b"body", reply_to=ANSWERS, **{"mine": "kept", "x-mine": "forged", h.ID: "forged"}
        )
        self.carry_out(delivery, outcome)
        return delivery

    def carry_out(self, delivery: Delivery, outcome: Outcome) -> None:
        """Settle a delivery."""
        self._settler.settle(delivery, outcome, 0.001)

    async def ended(self, *ends: str) -> None:
        """Wait until the books tell exactly this."""
        await eventually(lambda: len(self.books.ends) >= len(ends))
        assert self.books.ends == list(ends)


@pytest.fixture(params=["paper", pytest.param("broker", marks=pytest.mark.broker)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """Lend a desk on each of the stages."""
    if request.param == "paper":
        async with OnPaper() as paper:
            yield Desk(paper)
        return
    url, management = map(request.getfixturevalue, ("amqp_url", "management_url"))
    async with OnTheBroker(url, management) as real:
        yield Desk(real)


def said(*words: str) -> list[str]:
    """Return a log in which each publish was confirmed, and an ack ended it."""
    return [word for one in words for word in (f"publish {one}", "confirmed")] + ["ack"]


async def test_an_answer_is_confirmed_then_the_message_is_acked(desk: Desk) -> None:
    """It says to whom and to what; the broker has nothing left of the request."""
    for answer, queue in ((PLAIN, ANSWERS), (AGENT, MAILBOX)):
        desk.log.clear()
        desk.books.ends.clear()
        await desk.settle(Replied(SUBJECT, answer))
        await desk.ended("Replied")
        assert desk.log == said(answer.exchange or ANSWERS)
        (one,) = await desk.stage.arrived(queue)
        assert (one.body, one.correlation_id, one.type) == (
            answer.body,
            "c-1",
            answer.message_type,
        )
        assert one.content_type == "application/json"
        assert not one.headers
    assert await desk.stage.left() == 0


async def test_work_that_nobody_asked_about_is_acked(desk: Desk) -> None:
    """Nothing is published."""
    await desk.settle(Replied(SUBJECT))
    await desk.ended("Replied")
    assert desk.log == ["ack"]
    assert await desk.stage.left() == 0


async def test_a_retry_waits_on_its_rung_with_its_history(desk: Desk) -> None:
    """The body and the sender's harmless headers as they came, ours beside them."""
    await desk.settle(WAITS)
    await desk.ended("Retried")
    assert desk.log == said(RETRY)
    (copy,) = await desk.stage.arrived(RETRY)
    assert (copy.body, copy.correlation_id, copy.type) == (b"body", "c-1", "task_request")
    assert copy.reply_to == ANSWERS
    assert copy.headers["mine"] == "kept"
    assert not {"x-mine", h.ID} & copy.headers.keys()
    assert copy.headers[h.ATTEMPTS] == 1
    assert orjson.loads(str(copy.headers[h.HISTORY]))[0]["reason"] == "once"
    assert copy.headers[h.MESSAGE_ID] == "m-1"
    assert await desk.stage.left() == 0


async def test_a_dead_letter_is_there_before_the_answer_that_names_it(desk: Desk) -> None:
    """Body byte for byte; the headers say why, and not what the sender made up."""
    await desk.settle(DEAD)
    await desk.ended("DeadLettered")
    assert desk.log == said(NAMES.dead, NAMES.replies)
    (letter,) = await desk.stage.arrived(LETTERS)
    assert (letter.body, letter.correlation_id) == (b"body", "c-1")
    told = {h.ID: "letter-1", h.ERROR_CODE: "rejected", h.ATTEMPTS: 2, h.WORKER: "worker-1"}
    assert letter.headers.items() >= told.items()
    assert letter.headers["mine"] == "kept"
    assert "x-mine" not in letter.headers
    (answer,) = await desk.stage.arrived(MAILBOX)
    assert (answer.body, answer.type) == (b"[]", "error")
    assert await desk.stage.left() == 0


async def test_what_expired_is_a_dead_letter_with_its_answer(desk: Desk) -> None:
    """Too late is an end that can be seen."""
    await desk.settle(LATE)
    await desk.ended("Expired")
    assert desk.log == said(NAMES.dead, ANSWERS)
    (letter,) = await desk.stage.arrived(LETTERS)
    assert letter.headers[h.ERROR_CODE] == "expired"
    assert len(await desk.stage.arrived(ANSWERS)) == 1
    assert await desk.stage.left() == 0


async def test_a_batch_is_acked_after_the_last_of_its_consequences(desk: Desk) -> None:
    """A letter for each bad part, the answer, the copy of what waits."""
    delivery = await desk.stage.deliver(b"[1,2,3]")
    part = delivery._replace(body=b"part")
    ends = (End(part, DEAD), End(part, Replied(SUBJECT)), End(part, DEAD))
    desk.carry_out(delivery, Batched(SUBJECT, ends, PLAIN, End(part, WAITS)))
    await desk.ended("Batched")
    assert desk.log == said(NAMES.dead, NAMES.dead, ANSWERS, RETRY)
    assert [one.body for one in await desk.stage.arrived(LETTERS)] == [b"part"] * 2
    assert [one.body for one in await desk.stage.arrived(RETRY)] == [b"part"]
    assert await desk.stage.left() == 0


async def test_what_is_given_back_comes_again_and_leaves_no_trace(desk: Desk) -> None:
    """Neither acked nor published; the next who gets it sees that it was somewhere before."""
    await desk.settle(Requeued(SUBJECT, "leaving"))
    await desk.ended("Requeued")
    assert desk.log == ["requeue"]
    again = await desk.stage.next()
    assert (again.body, again.redelivered) == (b"body", True)
    assert await desk.stage.left() == 1


async def test_a_second_word_about_a_message_is_not_heard(desk: Desk) -> None:
    """Said to the broker it would cost the channel, and with it everybody's session."""
    broker = desk.stage.broker
    delivery = await desk.settle(Requeued(SUBJECT, "leaving"))
    broker.requeue(delivery)
    again = await desk.stage.next()
    desk.carry_out(again, Replied(SUBJECT, PLAIN))
    await desk.ended("Requeued", "Replied")
    broker.requeue(again)
    last = await desk.settle(Replied(SUBJECT))
    await desk.ended("Requeued", "Replied", "Replied")
    assert broker.is_current(last)
    assert await desk.stage.left() == 0


@pytest.mark.parametrize("fate", [Published.CLOSED, Published.RETURNED, Published.REFUSED])
@pytest.mark.parametrize("outcome", [DEAD, WAITS], ids=["letter", "retry"])
async def test_a_copy_that_is_not_taken_keeps_the_message_until_it_is(
    desk: Desk, outcome: DeadLettered | Retried, fate: Published
) -> None:
    """No exchange, no queue, a full queue: offered again and again, and acked only then."""
    exchange = NAMES.dead if outcome is DEAD else RETRY
    await desk.stage.spoil(exchange, fate)
    await desk.settle(outcome)
    await eventually(lambda: desk.log.count(fate.value) >= 2)
    assert "ack" not in desk.log
    await desk.stage.mend(exchange)
    await desk.ended(type(outcome).__name__)
    told = [word for word, _ in groupby(_pairs(desk.log))]
    rest = [f"publish {NAMES.replies}: confirmed"] if outcome is DEAD else []
    assert told[:1] == [f"publish {exchange}: {fate.value}"]
    assert told[-2 - len(rest) :] == [f"publish {exchange}: confirmed", *rest, "ack"]
    assert await desk.stage.left() == 0


@pytest.mark.parametrize("fate", [Published.CLOSED, Published.RETURNED, Published.REFUSED])
async def test_a_message_whose_copy_is_not_taken_is_the_brokers_again(
    desk: Desk, fate: Published
) -> None:
    """Where the worker ends before it is mended, nothing is lost."""
    await desk.stage.spoil(NAMES.dead, fate)
    await desk.settle(DEAD)
    await eventually(lambda: fate.value in desk.log)
    assert await desk.stage.left() == 1
    assert "ack" not in desk.log


async def test_an_answer_to_nobody_is_counted_and_the_work_stands(desk: Desk) -> None:
    """No queue has that name, or the mailbox is gone."""
    await desk.settle(Replied(SUBJECT, PLAIN._replace(routing_key="contract.nobody")))
    await desk.ended("undeliverable", "Replied")
    assert desk.log == ["publish contract.nobody", "returned", "ack"]
    assert await desk.stage.left() == 0


async def test_an_answer_to_a_full_queue_is_tried_a_few_times(desk: Desk) -> None:
    """Then the asker is given up, and the work stands."""
    await desk.stage.spoil(NAMES.replies, Published.REFUSED)
    await desk.settle(Replied(SUBJECT, AGENT))
    await desk.ended("undeliverable", "Replied")
    assert desk.log == [f"publish {NAMES.replies}", "refused"] * ANSWER_TRIES + ["ack"]
    assert await desk.stage.left() == 0


async def test_an_answer_waits_for_an_exchange_that_is_gone(desk: Desk) -> None:
    """It is ours to have, so the asker may well be there; it gets its answer, once."""
    await desk.stage.spoil(NAMES.replies, Published.CLOSED)
    await desk.settle(Replied(SUBJECT, AGENT))
    await eventually(lambda: desk.log.count("closed") >= 2)
    assert "ack" not in desk.log
    await desk.stage.mend(NAMES.replies)
    await desk.ended("Replied")
    assert len(await desk.stage.arrived(MAILBOX)) == 1
    assert await desk.stage.left() == 0


async def test_an_answer_that_amqp_cannot_carry_is_undeliverable(desk: Desk) -> None:
    """A correlation id of more than 255 bytes costs nobody else anything."""
    await desk.settle(Replied(SUBJECT, PLAIN._replace(correlation_id="c" * 256)))
    await desk.settle(Replied(SUBJECT, PLAIN))
    await desk.ended("undeliverable", "Replied", "Replied")
    assert desk.log[:3] == [f"publish {ANSWERS}", "unsendable", "ack"]
    assert await desk.stage.left() == 0


async def test_a_direct_answer_goes_to_whoever_listens(desk: Desk) -> None:
    """On a line of its own, where a return would prove nothing."""
    if isinstance(desk.stage, OnTheBroker):
        await desk.stage.learn_direct_address()
    to = desk.stage.direct_address()
    await desk.settle(Replied(SUBJECT, PLAIN._replace(routing_key=to, direct=True)))
    await desk.ended("Replied")
    assert desk.log[-3:] == ["publish amq.rabbitmq", "confirmed", "ack"]
    assert await desk.stage.direct_answers(1) == [b"{}"]


async def test_a_forged_direct_address_is_undeliverable_and_nobody_elses_trouble(
    desk: Desk,
) -> None:
    """The broker hangs up on whoever writes there; the others' answers go on."""
    forged = PLAIN._replace(routing_key=f"amq.rabbitmq.reply-to.{'A' * 40}.{'B' * 24}", direct=True)
    await desk.settle(Replied(SUBJECT, forged))
    await desk.ended("undeliverable", "Replied")
    assert desk.log == ["publish amq.rabbitmq", "unknown", "ack"]
    await desk.settle(Replied(SUBJECT, PLAIN))
    await desk.ended("undeliverable", "Replied", "Replied")
    assert await desk.stage.left() == 0


@pytest.mark.parametrize("outcome", [Replied(SUBJECT, PLAIN), DEAD, WAITS], ids=type)
async def test_what_belongs_to_an_ended_session_is_not_acked(desk: Desk, outcome: Outcome) -> None:
    """Its copy may go out, but the message is the broker's again, and ends when it comes again."""
    delivery = await desk.stage.deliver(b"body")
    await desk.stage.end_session()
    desk.carry_out(delivery, outcome)
    await desk.ended("abandoned")
    assert "ack" not in desk.log
    again = await desk.stage.next()
    assert again.redelivered
    desk.carry_out(again, outcome)
    await desk.ended("abandoned", type(outcome).__name__)
    assert await desk.stage.left() == 0


async def test_nothing_is_given_back_of_an_ended_session(desk: Desk) -> None:
    """A nack of an old tag would hit another message, or cost the channel."""
    delivery = await desk.stage.deliver(b"body")
    await desk.stage.end_session()
    desk.carry_out(delivery, Requeued(SUBJECT, "leaving"))
    again = await desk.stage.next()
    desk.carry_out(again, Replied(SUBJECT))
    await desk.ended("Requeued", "Replied")
    assert await desk.stage.left() == 0


def _pairs(log: list[str]) -> list[str]:
    """Return each publish with its fate in one word."""
    words = iter(log)
    return [f"{word}: {next(words)}" if word.startswith("publish") else word for word in words]
