"""What settling does at a broker: one suite for the fake and for a link to a real one.

Every unit test of settling believes the fake; here it has to say what a broker says.
"""

from __future__ import annotations

import orjson
from broker.worker import NAMES
from contract.desk import (
    AGENT,
    BURIED,
    DEAD,
    LATE,
    PLAIN,
    SUBJECT,
    WAITS,
    Desk,
    buried,
    ordered,
    said,
)
from contract.stage import ANSWERS, LETTERS, MAILBOX, RETRY

from workers import headers as h
from workers.outcome import Batched, End, Replied, Requeued


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
    assert ordered(desk.log) == buried(NAMES.replies)
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
    assert ordered(desk.log) == buried(ANSWERS)
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
    assert desk.log == [*BURIED, *BURIED, *said(ANSWERS, RETRY)]
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
