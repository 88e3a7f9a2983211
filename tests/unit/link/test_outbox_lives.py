"""What was on the way when a line is lost, blocked or closed is told or goes out again, once."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands, header
from unit.link.sending import C, N, R, Sending, U, written
from unit.link.stream import method, returned
from waiting import turn

from workers.publication import Publication, Published


async def test_what_was_not_confirmed_goes_out_again_first_and_in_order() -> None:
    """On the next life, before what came meanwhile, and under fresh ids."""
    sending = Sending()
    sending.send(1, 2, 3)
    first = await written(sending)
    sending.wire.ack(2)
    sending.outbox.detach()
    sending.send(4)
    sending.attach()
    await turn()
    frames = sending.wire.read()
    keys = [one.routing_key for one in frames if isinstance(one, commands.Basic.Publish)]
    ids = [one.properties.message_id for one in frames if isinstance(one, header.ContentHeader)]
    assert keys == ["q1", "q3", "q4"]
    assert not set(first) & set(ids)
    sending.wire.ack(3, multiple=True)
    assert sending.fates == {1: C, 2: C, 3: C, 4: C}


async def test_what_nobody_waits_for_any_more_is_not_sent_again() -> None:
    """Its delivery went back to the broker; a second answer would be one too many."""
    sending = Sending()
    sending.send(1)
    assert len(await written(sending)) == 1
    sending.outbox.detach()
    sending.wanted = False
    sending.attach()
    assert await written(sending) == []
    assert sending.fates == {1: U}
    await asyncio.wait_for(sending.outbox.empty(), 1)


async def test_without_resend_the_fate_of_what_was_on_the_way_is_unknown() -> None:
    """A direct answer is sent at most once."""
    sending = Sending(resend=False)
    sending.send(1, 2)
    sending.wire.ack(1)
    sending.outbox.detach()
    assert sending.fates == {1: C, 2: U}
    sending.send(3)  # waits for the next line
    sending.attach()
    assert len(await written(sending)) == 1
    sending.wire.ack(1)
    assert sending.fates[3] is C


async def test_what_finds_no_line_is_given_up_after_a_while() -> None:
    """Nobody's message is held for ever by an answer that cannot leave."""
    sending = Sending(resend=False)
    sending.outbox.detach()
    sending.send(1)
    sending.now = 6.0
    sending.send(2)
    sending.now = 11.0
    assert sending.outbox.give_up(10.0)
    assert sending.fates == {1: U}
    sending.now = 17.0
    assert not sending.outbox.give_up(10.0)
    assert sending.fates == {1: U, 2: U}
    await asyncio.wait_for(sending.outbox.empty(), 1)


async def test_confirms_of_an_ended_life_mean_nothing_in_the_next() -> None:
    """The same tags are other messages there."""
    sending = Sending()
    sending.send(1)
    old = sending.wire
    sending.outbox.detach()
    sending.attach()
    old.ack(1)
    assert sending.fates == {}
    sending.wire.ack(1)
    assert sending.fates == {1: C}


async def test_a_channel_closed_by_the_broker_ends_the_life_at_once() -> None:
    """Another frame on it would cost the whole connection."""
    sending = Sending()
    sending.send(1)
    sending.wire.frames.feed(method(commands.Channel.Close(404, "NOT_FOUND", 60, 40), 1))
    sending.send(2)
    assert await written(sending) == []
    assert not sending.outbox.attached
    assert len(sending.outbox) == 2


async def test_a_blocked_broker_gets_nothing_until_it_wants_it() -> None:
    """Held back in order; and the time it held us back is not held against it."""
    sending = Sending()
    sending.outbox.block(True)
    sending.send(1, 2)
    assert await written(sending) == []
    sending.now = 100.0
    assert sending.outbox.oldest() == 0.0
    sending.outbox.block(False)
    assert len(await written(sending)) == 2
    sending.now = 101.0
    assert sending.outbox.oldest() == 1.0


async def test_a_line_lost_while_blocked_is_not_blocked_in_its_next_life() -> None:
    """The broker says so anew if it still is."""
    sending = Sending()
    sending.outbox.block(True)
    sending.send(1)
    sending.outbox.detach()
    assert not sending.outbox.blocked
    sending.attach()
    assert len(await written(sending)) == 1


async def test_what_never_left_is_known_over_all_lives() -> None:
    """It surely is nowhere; what left once may be at the broker, whatever became of the line."""
    sending = Sending()
    sending.send(1, 2)
    assert sending.outbox.unsent == 2
    await turn()
    assert sending.outbox.unsent == 0
    sending.outbox.block(True)
    sending.send(3)
    await turn()
    assert sending.outbox.unsent == 1
    sending.outbox.detach()
    sending.send(4)
    assert sending.outbox.unsent == 2
    sending.attach()
    sending.outbox.block(True)
    await turn()
    assert sending.outbox.unsent == 2
    sending.outbox.block(False)
    await turn()
    assert sending.outbox.unsent == 0
    sending.wire.ack(4, multiple=True)
    assert sending.fates == {1: C, 2: C, 3: C, 4: C}


async def test_what_an_exchange_takes_along_leaves_the_count_of_the_unsent_true() -> None:
    """Refused are those for it alone, sent or not."""
    sending = Sending()
    sending.outbox.publish(Publication("gone", "k", b""), lambda _: None)
    sending.send(1)
    await turn()
    sending.outbox.detach()
    sending.send(2)
    sending.outbox.refuse("gone")
    assert (len(sending.outbox), sending.outbox.unsent) == (2, 1)


async def test_an_exchange_that_cost_the_channel_is_told_and_the_rest_goes_out_again() -> None:
    """One missing exchange does not hold up the answers to everybody else."""
    sending = Sending()
    fates: list[Published] = []
    sending.send(1)
    sending.outbox.publish(Publication("gone", "k", b""), fates.append)
    sending.send(2)
    assert len(await written(sending)) == 3
    sending.outbox.refuse("gone")
    assert fates == [Published.CLOSED]
    sending.attach()
    assert len(await written(sending)) == 2
    sending.wire.ack(2, multiple=True)
    assert sending.fates == {1: C, 2: C}


STEPS = st.lists(
    st.sampled_from(["send", "ack", "acks", "nack", "return", "lose", "back", "turn"]),
    max_size=40,
)


@given(STEPS, st.data())
@settings(max_examples=200)
def test_any_history_ends_with_each_fate_told_once(steps: list[str], data: st.DataObject) -> None:
    """Whatever the broker says and whenever the line breaks; a model keeps what must be told."""
    asyncio.run(check_history(steps, data))


async def check_history(steps: list[str], data: st.DataObject) -> None:
    """See after each step that what was told is what the model says, no more and no less."""
    sending = Sending()
    out: list[int] = []  # numbers in the order of this life's tags, 0 where told
    ashore: list[int] = []
    wanted: dict[int, Published] = {}
    back: set[int] = set()
    count = 0
    lost = False
    for step in steps:
        left = [at for at, number in enumerate(out) if number]
        if step == "send":
            count += 1
            sending.send(count)
            (ashore if lost else out).append(count)
        elif step == "lose" and not lost:
            sending.outbox.detach()
            ashore = [number for number in out if number] + ashore
            out, back, lost = [], set(), True
        elif step == "back" and lost:
            sending.attach()
            out, ashore, lost = ashore, [], False
        elif step == "turn":
            await turn()
        elif not lost and left:
            at = data.draw(st.sampled_from(left))
            if step == "return":
                writer = sending.outbox._writer
                mark, numbers = writer._mark.decode(), writer._numbers
                told = f"{mark}-{numbers - len(out) + at + 1}"
                sending.wire.frames.feed(returned(told, channel=1))
                back.add(out[at])
                continue
            multiple = step == "acks"
            covered = [n for n in left if n <= at] if multiple else [at]
            fate = N if step == "nack" else C
            for one in covered:
                wanted[out[one]] = R if out[one] in back else fate
                out[one] = 0
            (sending.wire.nack if step == "nack" else sending.wire.ack)(at + 1, multiple=multiple)
        assert sending.fates == wanted
    assert len(sending.outbox) == count - len(wanted)
