"""What is sent by hand comes to its fate within a bound, whatever the broker does."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from unit.link.paper import PaperWire
from waiting import eventually

from topology import Names
from workers.link import sender
from workers.link.desk import Desk
from workers.link.sender import CONFIRM_WITHIN, Sender
from workers.publication import Publication, Published


class Wire(PaperWire):
    """A paper wire that can be cut."""

    cut = ""

    def abort(self, why: str) -> None:
        """Keep why."""
        self.cut = why


class Posting:
    """A sender on a paper wire, with a clock that a test moves and one message posted."""

    def __init__(self) -> None:
        self.wire = Wire()
        channel = SimpleNamespace(number=1, closing=asyncio.get_running_loop().create_future())
        desk = Desk(amqp_url="amqp://guest@h", names=Names("lev.test"), group="g")
        self.sender = Sender(self.wire, channel, desk)  # type: ignore[arg-type] # all that it needs
        self.now = 100.0
        self.asked = 0
        self.sender._outbox._clock = self._clock
        self.fates: list[Published] = []
        self.post()

    def post(self) -> None:
        """Post a message."""
        self.sender.post(Publication("", "q", b"body"), self.fates.append)

    async def looks(self) -> None:
        """Let a sender that waits look at its oldest message several times."""
        idle = asyncio.create_task(self.sender.idle())
        enough = self.asked + 5
        await eventually(lambda: idle.done() or self.asked > enough)
        assert not idle.done()
        idle.cancel()

    def _clock(self) -> float:
        self.asked += 1
        return self.now


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look without a pause."""
    monkeypatch.setattr(sender, "LOOK_EVERY", 0.001)


async def test_an_alarm_that_lasts_ends_the_wait_and_is_named() -> None:
    """Whoever waits learns why, and that nothing goes out any more."""
    posting = Posting()
    posting.sender._outbox.block(True)
    posting.now += CONFIRM_WITHIN + 1
    posting.sender._outbox.block(True)
    await posting.sender.idle()
    assert posting.fates == [Published.UNKNOWN]
    assert "the broker is in alarm" in posting.sender.ended
    assert posting.wire.cut == posting.sender.ended


async def test_what_is_posted_in_an_old_alarm_and_after_one_has_its_time() -> None:
    """Neither the time before it nor that of the alarm counts against a message."""
    posting = Posting()
    posting.wire.ack(1)
    posting.sender._outbox.block(True)
    posting.now += CONFIRM_WITHIN * 2
    posting.post()
    posting.now += CONFIRM_WITHIN - 1
    await posting.looks()
    posting.sender._outbox.block(False)
    posting.now += CONFIRM_WITHIN - 1
    await posting.looks()
    posting.now += 2
    await posting.sender.idle()
    assert posting.fates == [Published.CONFIRMED, Published.UNKNOWN]
    assert "confirmed nothing" in posting.sender.ended
