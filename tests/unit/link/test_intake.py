"""Deliveries come in with their session, and are settled at most once and only within it."""

from __future__ import annotations

from pamqp import commands
from unit.link.paper import PaperWire
from unit.link.stream import deliver, method
from waiting import turn

from workers.link.intake import Intake
from workers.outcome import Delivery

QUEUES = {b"leveret-0": "urgent", b"leveret-1": "work"}


class Taking:
    """An intake on a paper wire, and what it brought."""

    def __init__(self) -> None:
        self.came: list[Delivery] = []
        self.intake = Intake(QUEUES, self.came.append)
        self.attach()

    def attach(self) -> None:
        """Begin a session."""
        self.wire = PaperWire()
        self.intake.attach(self.wire, 1)  # type: ignore[arg-type] # all that an intake needs of it

    def bring(self, *tags: int, consumer: str = "leveret-1", redelivered: bool = False) -> None:
        """Let the broker deliver some."""
        for tag in tags:
            self.wire.frames.feed(deliver(tag, consumer=consumer, redelivered=redelivered))


async def settled(taking: Taking) -> list[str]:
    """Return what was written once the loop has turned, in short."""
    await turn()
    return [
        f"{type(one).__name__.lower()} {one.delivery_tag}{'*' if one.multiple else ''}"
        for one in taking.wire.read()
    ]


async def test_a_delivery_is_all_that_was_said_about_it() -> None:
    """Where from, which try, where to settle it."""
    taking = Taking()
    taking.wire.frames.feed(
        deliver(1, b"{}", consumer="leveret-0", redelivered=True, correlation_id="c-1")
    )
    (came,) = taking.came
    assert (came.body, came.queue, came.exchange, came.routing_key, came.redelivered, came.tag) == (
        b"{}",
        "urgent",
        "requests",
        "task_request.echo",
        True,
        1,
    )
    assert came.properties.correlation_id == "c-1"
    assert taking.intake.is_current(came)


async def test_settlements_of_one_turn_leave_together_nacks_first() -> None:
    """An ack for a prefix must not cover a tag whose nack is still to come."""
    taking = Taking()
    taking.bring(1, 2, 3, 4, 5)
    one, two, three, four, five = taking.came
    for delivery in (one, two, four):
        taking.intake.ack(delivery)
    taking.intake.requeue(three)
    taking.intake.ack(five)
    assert await settled(taking) == ["nack 3", "ack 5*"]
    assert taking.wire.writes == 1


async def test_a_settled_delivery_is_not_settled_again() -> None:
    """RabbitMQ closes the channel for an unknown tag, and everybody's session with it."""
    taking = Taking()
    taking.bring(1, 2)
    one, two = taking.came
    taking.intake.ack(one)
    taking.intake.requeue(two)
    assert await settled(taking) == ["nack 2", "ack 1*"]
    for delivery in (one, two):
        taking.intake.requeue(delivery)
        taking.intake.ack(delivery)
    assert await settled(taking) == []
    assert taking.intake.settled["work"] == 2


async def test_a_delivery_of_an_ended_session_is_let_go() -> None:
    """The broker brings it again; the same tag is another message by then."""
    taking = Taking()
    taking.bring(1)
    (old,) = taking.came
    taking.intake.detach()
    assert not taking.intake.is_current(old)
    taking.intake.ack(old)
    taking.attach()
    assert not taking.intake.is_current(old)
    taking.intake.ack(old)
    taking.intake.requeue(old)
    assert await settled(taking) == []
    taking.bring(1)
    taking.intake.ack(taking.came[-1])
    assert await settled(taking) == ["ack 1*"]


async def test_what_was_due_when_the_session_ended_is_not_written_in_the_next() -> None:
    """An ack of the last life would settle a message of this one."""
    taking = Taking()
    taking.bring(1, 2)
    taking.intake.ack(taking.came[0])
    taking.intake.requeue(taking.came[1])
    taking.intake.detach()
    taking.attach()
    assert await settled(taking) == []


async def test_a_channel_closed_by_the_broker_ends_the_session_at_once() -> None:
    """In the very moment, before anything more can be written to it."""
    taking = Taking()
    taking.bring(1)
    taking.intake.ack(taking.came[0])
    taking.wire.frames.feed(method(commands.Channel.Close(406, "PRECONDITION_FAILED", 60, 80), 1))
    assert not taking.intake.is_current(taking.came[0])
    assert await settled(taking) == []


async def test_the_depth_with_us_is_known_by_queue() -> None:
    """So that a queue that brings nothing is told from one that may not."""
    taking = Taking()
    taking.bring(1, 2)
    taking.bring(3, consumer="leveret-0")
    taking.intake.ack(taking.came[0])
    assert taking.intake.came == {"urgent": 1, "work": 2}
    assert taking.intake.settled == {"urgent": 0, "work": 1}


async def test_it_is_known_when_all_that_came_back_is_settled() -> None:
    """A culprit may be among what somebody before us did not finish."""
    taking = Taking()
    assert taking.intake.is_over_redelivered
    taking.bring(1, 2, redelivered=True)
    taking.bring(3)
    taking.intake.ack(taking.came[0])
    assert not taking.intake.is_over_redelivered
    taking.intake.ack(taking.came[1])
    assert taking.intake.is_over_redelivered


async def test_a_shut_intake_lets_pass_what_still_comes() -> None:
    """Nothing starts once the worker leaves, and it goes back when no more can come."""
    taking = Taking()
    taking.intake.shut()
    taking.bring(1, 2)
    assert taking.came == []
    assert await settled(taking) == []
    taking.intake.give_back()
    assert await settled(taking) == ["nack 1", "nack 2"]
    assert taking.intake.in_hand == 0


async def test_an_intake_that_opens_gives_back_what_it_let_pass() -> None:
    """Kept unsettled it would take up the prefetch until the broker ends the channel."""
    taking = Taking()
    taking.bring(1)
    taking.intake.shut()
    taking.bring(2)
    taking.intake.open()
    taking.bring(3)
    assert [delivery.tag for delivery in taking.came] == [1, 3]
    assert await settled(taking) == ["nack 2"]
    assert taking.intake.in_hand_of("work") == 2
    taking.intake.give_back()
    assert await settled(taking) == []


async def test_what_was_let_pass_in_an_ended_session_is_not_given_back() -> None:
    """The broker has it again, and the tag is another message's."""
    taking = Taking()
    taking.intake.shut()
    taking.bring(1)
    taking.intake.detach()
    taking.intake.open()
    taking.attach()
    taking.intake.shut()
    taking.intake.give_back()
    assert await settled(taking) == []
    assert taking.intake.settled == {"urgent": 0, "work": 0}


async def test_invented_names_are_remembered_only_so_far() -> None:
    """A sender may use a new routing key for each message."""
    taking = Taking()
    for tag in range(1, 3_000):
        taking.wire.frames.feed(deliver(tag, consumer="leveret-1", key=f"key.{tag}"))
    assert taking.came[-1].routing_key == "key.2999"
    assert len(taking.intake._names) <= 1024
