"""Publications leave in one write, carry what they should, and each is told its fate, once."""

from __future__ import annotations

import asyncio

import pytest
from pamqp import commands, header
from unit.link.sending import C, N, R, Sending, written
from unit.link.stream import returned
from waiting import turn

from workers.outcome import Answer
from workers.publication import Publication, Published


async def test_what_is_sent_in_one_turn_of_the_loop_leaves_in_one_write() -> None:
    """A hundred messages, one system call; each with an id of its own."""
    sending = Sending()
    sending.send(*range(100))
    assert len(set(await written(sending))) == 100
    assert sending.wire.writes == 1


async def test_confirms_may_come_singly_or_for_many_and_out_of_order() -> None:
    """A range tells all it covers that were not told before, and nobody twice."""
    sending = Sending()
    sending.send(*range(1, 8))
    sending.wire.ack(3)
    sending.wire.nack(2)
    sending.wire.ack(5, multiple=True)
    assert sending.fates == {1: C, 2: N, 3: C, 4: C, 5: C}
    sending.wire.ack(4, multiple=True)  # late and covering nothing new
    sending.wire.nack(7, multiple=True)
    assert sending.fates == {1: C, 2: N, 3: C, 4: C, 5: C, 6: N, 7: N}
    assert len(sending.outbox) == 0


@pytest.mark.parametrize("tag", [0, 2**62])
async def test_a_range_to_no_tag_of_ours_is_all_there_are(tag: int) -> None:
    """0 is AMQP's word for it, and a number beyond costs no time."""
    sending = Sending()
    sending.send(1, 2, 3)
    sending.wire.ack(tag, multiple=True)
    assert sending.fates == {1: C, 2: C, 3: C}
    sending.send(4)
    sending.wire.ack(4)
    assert sending.fates[4] is C


async def test_a_return_is_told_by_its_message_and_only_that_one() -> None:
    """What no queue took is not confirmed, though the broker acks it."""
    sending = Sending()
    sending.send(1, 2, 3)
    ids = await written(sending)
    sending.wire.frames.feed(returned(ids[1], channel=1))
    sending.wire.ack(3, multiple=True)
    assert sending.fates == {1: C, 2: R, 3: C}


async def test_a_return_is_told_rightly_after_reconnects_and_refusals() -> None:
    """Confirms count from one in each life, message ids go on for ever."""
    sending = Sending()
    sending.send(1, 2, 3)
    sending.wire.ack(1)
    sending.outbox.detach()
    sending.attach()
    sending.send(4, body=b"x")
    sending.outbox.publish(Publication("", "q" * 300, b""), lambda _: None)  # fits no frame
    sending.send(5)
    ids = await written(sending)
    assert len(ids) == 4
    sending.wire.frames.feed(returned(ids[2], channel=1) + returned("somebody-else", channel=1))
    sending.wire.ack(4, multiple=True)
    assert sending.fates == {1: C, 2: C, 3: C, 4: R, 5: C}


@pytest.mark.parametrize(
    "message",
    [
        Publication("", "q" * 256, b""),
        Publication("", "q", b"", {"a": "x" * 200_000}),
        Publication("", "q", b"", {"a": object()}),
        Publication("", "q", b"", correlation_id="c" * 256),
        Publication("", "q", b"", {"a": 2**64}),
        Answer("", "q", "c" * 256, "task_response", b""),
        Answer("", "\ud800", "c", "task_response", b""),
    ],
)
async def test_what_amqp_cannot_carry_is_told_and_harms_nobody(
    message: Publication | Answer,
) -> None:
    """Nothing raises, nothing of it is written, and the numbers of the others stay right."""
    sending = Sending()
    sending.send(1)
    fates: list[Published] = []
    sending.outbox.publish(message, fates.append)
    sending.send(2)
    assert fates == [Published.UNSENDABLE]
    ids = await written(sending)
    assert len(ids) == 2
    sending.wire.frames.feed(returned(ids[1], channel=1))
    sending.wire.ack(2, multiple=True)
    assert sending.fates == {1: C, 2: R}
    await asyncio.wait_for(sending.outbox.empty(), 1)


async def test_an_answer_and_a_publication_carry_what_they_should() -> None:
    """Persistent, ours, of a type, with the id of the question."""
    sending = Sending()
    sending.outbox.publish(Answer("replies", "agent.a.b", "c-1", "task_response", b"{}"), print)
    sending.outbox.publish(Publication("dead", "default", b"x", {"a": 1}, type="t"), print)
    await turn()
    frames = sending.wire.read()
    answer, letter = (one.properties for one in frames if isinstance(one, header.ContentHeader))
    assert (answer.correlation_id, answer.message_type) == ("c-1", "task_response")
    assert (letter.headers, letter.message_type) == ({"a": 1}, "t")
    for each in (answer, letter):
        assert (each.delivery_mode, each.user_id, each.app_id) == (2, "guest", "leveret")
        assert each.timestamp is not None
    publishes = [one for one in frames if isinstance(one, commands.Basic.Publish)]
    assert all(one.mandatory for one in publishes)
    assert [one.exchange for one in publishes] == ["replies", "dead"]


async def test_a_fate_may_lead_to_the_next_publication() -> None:
    """A confirmed dead letter is followed by its error answer, from within the confirm."""
    sending = Sending()
    sending.outbox.publish(Publication("", "letter", b""), lambda _: sending.send(2))
    sending.send(1)
    sending.wire.ack(2, multiple=True)
    assert sending.fates == {1: C}
    sending.wire.ack(3)
    assert sending.fates == {1: C, 2: C}
