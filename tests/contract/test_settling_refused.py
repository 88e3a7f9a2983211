"""What becomes of a message whose copy or answer the broker does not take: fake and real alike."""

from __future__ import annotations

import pytest
from broker.worker import NAMES, eventually
from contract.desk import AGENT, DEAD, PLAIN, SUBJECT, WAITS, Desk, buried, ordered, said
from contract.real import OnTheBroker
from contract.stage import ANSWERS, LETTERS, MAILBOX, RETRY

from workers.outcome import Replied
from workers.publication import Published
from workers.settling.patience import ANSWER_TRIES


@pytest.mark.parametrize(
    ("place", "fate"),
    [
        (RETRY, Published.CLOSED),
        (RETRY, Published.RETURNED),
        (RETRY, Published.REFUSED),
        (LETTERS, Published.RETURNED),
        (LETTERS, Published.REFUSED),
        (NAMES.dead, Published.CLOSED),
        (NAMES.dead, Published.RETURNED),
    ],
)
async def test_a_copy_that_is_not_taken_keeps_the_message_until_it_is(
    desk: Desk, place: str, fate: Published
) -> None:
    """No exchange, no queue, a full queue: offered again and again, and acked only then.

    Of a dead letter there is one in the open work, and the journal hears of it once.
    """
    await desk.stage.spoil(place, fate)
    await desk.settle(WAITS if place == RETRY else DEAD)
    await eventually(lambda: desk.heard(fate) >= 2)
    assert "ack" not in desk.log
    await desk.stage.mend(place)
    await desk.ended("Retried" if place == RETRY else "DeadLettered")
    tries = [word for word in desk.log if word.endswith(f" {place}")]
    refused, last = [f"publish {place}", f"{fate.value} {place}"], said(place)[:-1]
    assert tries == [*refused * desk.heard(fate), *last]
    others = [word for word in desk.log if word not in tries]
    done = said(RETRY) if place == RETRY else buried(NAMES.replies)
    assert ordered(others) == [word for word in done if word not in tries]
    if place != RETRY:
        assert len(await desk.stage.arrived(LETTERS)) == 1
    assert await desk.stage.left() == 0


async def test_a_full_queue_beside_the_journal_holds_no_letter_up(desk: Desk) -> None:
    """Whoever else binds to the dead letters and has no room is nobody's end of a message."""
    await desk.stage.spoil(NAMES.dead, Published.REFUSED)
    await desk.settle(DEAD)
    await desk.ended("DeadLettered")
    assert desk.heard(Published.REFUSED) == 1
    assert len(await desk.stage.arrived(LETTERS)) == 1
    assert await desk.stage.left() == 0


@pytest.mark.parametrize("fate", [Published.RETURNED, Published.REFUSED])
async def test_a_message_whose_copy_is_not_taken_is_the_brokers_again(
    desk: Desk, fate: Published
) -> None:
    """Where the worker ends before it is mended, nothing is lost."""
    await desk.stage.spoil(LETTERS, fate)
    await desk.settle(DEAD)
    await eventually(lambda: desk.heard(fate))
    assert await desk.stage.left() == 1
    assert "ack" not in desk.log


async def test_a_closed_exchange_holds_many_and_loses_none(desk: Desk) -> None:
    """One tries for all of them, and when it is back each goes out.

    Their letters are in the open work already; what was under way on the channel that this cost is
    there twice.
    """
    await desk.stage.spoil(NAMES.dead, Published.CLOSED)
    for _ in range(5):
        await desk.settle(DEAD)
    await eventually(lambda: desk.heard(Published.CLOSED) > 5)
    await desk.settle(Replied(SUBJECT, PLAIN))
    await desk.ended("Replied")
    assert len(await desk.stage.arrived(LETTERS)) >= 5
    await desk.stage.mend(NAMES.dead)
    await desk.ended("Replied", *["DeadLettered"] * 5)
    assert await desk.stage.arrived(LETTERS) == []
    assert await desk.stage.left() == 0


async def test_an_answer_to_nobody_is_counted_and_the_work_stands(desk: Desk) -> None:
    """No queue has that name, or the mailbox is gone."""
    await desk.settle(Replied(SUBJECT, PLAIN._replace(routing_key="contract.nobody")))
    await desk.ended("undeliverable", "Replied")
    assert desk.log == ["publish contract.nobody", "returned contract.nobody", "ack"]
    assert await desk.stage.left() == 0


async def test_an_answer_to_a_full_queue_is_tried_a_few_times(desk: Desk) -> None:
    """Then the asker is given up, and the work stands."""
    await desk.stage.spoil(NAMES.replies, Published.REFUSED)
    await desk.settle(Replied(SUBJECT, AGENT))
    await desk.ended("undeliverable", "Replied")
    tried = [f"publish {NAMES.replies}", f"refused {NAMES.replies}"]
    assert desk.log == tried * ANSWER_TRIES + ["ack"]
    assert await desk.stage.left() == 0


async def test_an_answer_waits_for_an_exchange_that_is_gone(desk: Desk) -> None:
    """It is ours to have, so the asker may well be there; it gets its answer, once."""
    await desk.stage.spoil(NAMES.replies, Published.CLOSED)
    await desk.settle(Replied(SUBJECT, AGENT))
    await eventually(lambda: desk.heard(Published.CLOSED) >= 2)
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
    assert desk.log[:3] == [f"publish {ANSWERS}", f"unsendable {ANSWERS}", "ack"]
    assert await desk.stage.left() == 0


async def test_a_direct_answer_goes_to_whoever_listens(desk: Desk) -> None:
    """On a line of its own, where a return would prove nothing."""
    if isinstance(desk.stage, OnTheBroker):
        await desk.stage.learn_direct_address()
    to = desk.stage.direct_address()
    await desk.settle(Replied(SUBJECT, PLAIN._replace(routing_key=to, direct=True)))
    await desk.ended("Replied")
    assert desk.log[-3:] == said("amq.rabbitmq")
    assert await desk.stage.direct_answers(1) == [b"{}"]


async def test_a_forged_direct_address_is_undeliverable_and_nobody_elses_trouble(
    desk: Desk,
) -> None:
    """The broker hangs up on whoever writes there; the others' answers go on."""
    forged = PLAIN._replace(routing_key=f"amq.rabbitmq.reply-to.{'A' * 40}.{'B' * 24}", direct=True)
    await desk.settle(Replied(SUBJECT, forged))
    await desk.ended("undeliverable", "Replied")
    assert desk.log == ["publish amq.rabbitmq", "unknown amq.rabbitmq", "ack"]
    await desk.settle(Replied(SUBJECT, PLAIN))
    await desk.ended("undeliverable", "Replied", "Replied")
    assert await desk.stage.left() == 0
