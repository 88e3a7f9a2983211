"""What an ended session or a lost line means for what was being settled: fake and real alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from broker.worker import eventually
from contract.desk import DEAD, PLAIN, SUBJECT, WAITS, Desk, said
from contract.stage import ANSWERS

from workers.outcome import Replied, Requeued
from workers.publication import Published

if TYPE_CHECKING:
    from workers.outcome import Outcome


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


async def test_an_answer_whose_line_is_lost_goes_out_on_the_next(desk: Desk) -> None:
    """Unconfirmed it is not known to be anywhere; the message is acked after the second try."""
    delivery = await desk.stage.deliver(b"body")
    desk.carry_out(delivery, Replied(SUBJECT, PLAIN))
    desk.stage.lose_line()
    await desk.ended("Replied")
    assert desk.log == said(ANSWERS)
    assert len(await desk.stage.arrived(ANSWERS)) == 1
    assert await desk.stage.left() == 0


async def test_what_nobody_waits_for_is_not_sent_again(desk: Desk) -> None:
    """Its message is the broker's again, and whoever gets that answers it."""
    fates: list[Published] = []
    desk.stage.broker.publish(PLAIN, fates.append, wanted=lambda: False)
    desk.stage.lose_line()
    await eventually(lambda: fates)
    assert fates == [Published.UNKNOWN]
    assert await desk.stage.arrived(ANSWERS) == []
