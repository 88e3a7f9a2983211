"""A journal that is read to its end is read whole, or whoever reads it is told that it is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from topology import Names
from workers import headers as h
from workers.link.desk import Desk
from workers.link.journal import Journal
from workers.link.supervisor import LinkError
from workers.outcome import Delivery, Properties

if TYPE_CHECKING:
    from workers.link.connection import Wire
    from workers.link.stream import Following

DESK = Desk(amqp_url="amqp://guest@host", names=Names(), group="default")


class Paper:
    """A line to a broker that has so many messages of a journal, and sends the first few."""

    def __init__(self, sent: int) -> None:
        self._sent = sent
        self.is_open = True
        self.frames = SimpleNamespace(watch_deliveries=self._watched, unwatch=lambda _: None)

    def write(self, _frame: bytes) -> None:
        """Take an ack."""

    async def channel(self, *, confirms: bool) -> Any:
        """Return a channel that sends when it is asked to."""
        assert not confirms
        return SimpleNamespace(
            number=1,
            closing=SimpleNamespace(add_done_callback=lambda _: None),
            on_consumer_cancel_callbacks=set(),
            basic_qos=_nothing,
            basic_consume=self._consumed,
            close=_nothing,
        )

    def _watched(self, _channel: int, reader: Following) -> None:
        self._reader = reader

    async def _consumed(self, *_: object, **__: object) -> None:
        for at in range(self._sent):
            self._reader.delivered(b"", at + 1, False, b"", b"k", str(at).encode(), b"")


async def _nothing(**_: object) -> None:
    """Do it at once."""


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Return a journal of four messages whose broker stops after three."""

    async def last_place(*_: object) -> int:
        return 3

    def properties(header: bytes) -> Properties:
        return Properties(headers={h.OFFSET: int(header)})

    monkeypatch.setattr("workers.link.stream.last_place", last_place)
    monkeypatch.setattr("workers.link.stream.decode_properties", properties)
    monkeypatch.setattr("workers.link.stream.STUCK", 0.01)
    monkeypatch.setattr("workers.link.stream.SILENCE", 0.01)
    return Journal(DESK, cast("Wire", Paper(3)))


async def test_messages_that_do_not_come_are_not_taken_for_the_end(stuck: Journal) -> None:
    """An export without them would look like a whole one."""
    read: list[int] = []

    async def all_of_it() -> None:
        async for handful in stuck.messages():
            read.extend(map(h.offset_of, handful))

    with pytest.raises(LinkError, match=r"read as far as 2 of 3, .* then try again"):
        await all_of_it()
    assert read == [0, 1, 2]


async def test_a_ledger_is_not_taken_for_whole_before_it_is(stuck: Journal) -> None:
    """A note that was not read is a letter that would be sent once more."""
    read: list[Delivery] = []
    async with stuck.following(read.append) as reading:
        with pytest.raises(LinkError, match=r"read as far as 2 of 3"):
            await reading.caught_up()
