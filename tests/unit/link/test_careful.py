"""One message of which the broker takes none costs itself its fate, and the others a moment."""

from __future__ import annotations

from functools import partial
from math import inf

from pamqp import commands
from unit.link.paper import PaperWire
from unit.link.sending import C, Sending, written
from unit.link.stream import method
from waiting import turn

from workers.link.careful import CarefulLine
from workers.link.outbox import Waiting
from workers.link.plan import LinkPlan
from workers.publication import Publication, Published

TOO_LARGE = method(commands.Channel.Close(406, "PRECONDITION_FAILED", 60, 40), 1)
UNSENDABLE = Published.UNSENDABLE


class Careful:
    """A careful line on paper wires, and the fates that were told."""

    def __init__(self) -> None:
        self.line = CarefulLine(LinkPlan(amqp_url="amqp://guest@h", queues={}, name="w"))
        self.line._opened = True  # there is no broker to connect to
        self.fates: dict[int, Published] = {}
        self.wanted = True
        self.wire = self.attach()

    def attach(self) -> PaperWire:
        """Begin a life."""
        self.wire = PaperWire()
        self.line.outbox.attach(self.wire, 1)  # type: ignore[arg-type] # all that an outbox needs of it
        return self.wire

    def take(self, *bodies: bytes) -> None:
        """Hand over a message for each body, numbered by their place."""
        first = len(self.fates)
        self.line.take(
            Waiting(
                Publication("", "q", body), partial(self._told, first + n), lambda: self.wanted, 0.0
            )
            for n, body in enumerate(bodies)
        )

    def _told(self, number: int, fate: Published) -> None:
        self.fates[number] = fate

    async def written(self) -> int:
        """Return how many messages were written just now."""
        await turn()
        return len(self.wire.ids())

    async def close(self) -> None:
        """Close the channel as the broker does for a message that it takes from nobody."""
        self.wire.frames.feed(TOO_LARGE)
        self.line._found(self.line.outbox.suspects())
        self.attach()


async def test_what_was_under_way_is_taken_out_and_the_rest_goes_on() -> None:
    """What came meanwhile is no suspect, nor is what was confirmed."""
    sending = Sending()
    sending.send(1, 2, 3)
    assert len(await written(sending)) == 3
    sending.wire.ack(1)
    sending.wire.frames.feed(TOO_LARGE)
    sending.send(4)
    assert [one.message.routing_key for one in sending.outbox.suspects()] == ["q2", "q3"]
    sending.attach()
    assert len(await written(sending)) == 1
    sending.wire.ack(1)
    assert sending.fates == {1: C, 4: C}


async def test_one_after_the_other_so_that_the_culprit_is_alone() -> None:
    """The ones before and behind it are confirmed, once each."""
    careful = Careful()
    careful.take(b"s", b"large", b"s")
    assert await careful.written() == 1
    careful.wire.ack(1)
    assert await careful.written() == 1
    await careful.close()
    assert await careful.written() == 1
    careful.wire.ack(1)
    assert careful.fates == {0: C, 1: UNSENDABLE, 2: C}
    assert len(careful.line) == 0
    assert careful.line.too_large == len(b"large")


async def test_a_line_that_is_lost_proves_nothing_about_its_message() -> None:
    """It goes out again on the next one."""
    careful = Careful()
    careful.take(b"large")
    assert await careful.written() == 1
    careful.line.outbox.detach()
    careful.attach()
    assert await careful.written() == 1
    careful.wire.ack(1)
    assert careful.fates == {0: C}


async def test_what_nobody_wants_any_more_by_its_turn_is_not_published() -> None:
    """The broker brings its message again, and the answer would go out twice."""
    careful = Careful()
    careful.take(b"first", b"second", b"third")
    assert await careful.written() == 1
    careful.wanted = False
    careful.wire.ack(1)
    assert await careful.written() == 0
    assert careful.fates == {0: C, 1: Published.UNKNOWN, 2: Published.UNKNOWN}
    assert len(careful.line) == 0


async def test_a_limit_that_was_raised_is_noticed() -> None:
    """What is as large as one that was refused is tried here, and once it is taken so are all."""
    careful = Careful()
    careful.take(b"large")
    assert await careful.written() == 1
    await careful.close()
    careful.take(b"larger")
    assert await careful.written() == 1
    careful.wire.ack(1)
    assert careful.fates == {0: UNSENDABLE, 1: C}
    assert careful.line.too_large == inf
