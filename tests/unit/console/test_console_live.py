"""What is new reaches every open page, and not more of them than there may be."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from topology import Names
from topology.apply import Depth
from workers.console import live
from workers.console.doors.entry import Refused
from workers.console.feed import Feed
from workers.console.live import MOST, Listeners, Stream
from workers.console.now import now_of
from workers.console.view import View
from workers.link.cancelling import cancelled
from workers.presence.watching import Picture
from workers.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Message


class Browser:
    """Opens streams, and keeps what they send."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[str] = asyncio.Queue()

    async def receive(self) -> Message:
        """Say nothing, and do not leave."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def send(self, message: Message) -> None:
        """Take what comes."""
        if message["type"] == "http.response.body":
            self.chunks.put_nowait(message["body"].decode())

    def open(self, stream: Stream, method: str = "GET") -> asyncio.Task[None]:
        """Open a stream."""
        scope = {"type": "http", "method": method, "asgi": {"spec_version": "2.3"}}
        return asyncio.create_task(stream(scope, self.receive, self.send))


async def test_a_stream_tells_what_is_new_until_it_is_over() -> None:
    """Whoever comes gets the newest at once."""
    listeners, told, browser = Listeners(), ["one\ntwo", "three"], Browser()
    opened = browser.open(Stream(listeners, "now", lambda: told.pop(0), lambda: not told))
    async with asyncio.timeout(10):
        assert await browser.chunks.get() == "event: now\ndata: one\ndata: two\n\n"
        assert len(listeners) == 1
        listeners.wake()
        assert await browser.chunks.get() == "event: now\ndata: three\n\n"
        assert await browser.chunks.get() == "event: over\ndata: over\n\n"
        await opened
    assert len(listeners) == 0


async def test_who_asks_for_the_head_of_a_stream_holds_no_place() -> None:
    """A server may send nothing of its body, and would go on for ten minutes."""
    listeners, browser = Listeners(), Browser()
    opened = browser.open(Stream(listeners, "now", lambda: "one"), "HEAD")
    async with asyncio.timeout(10):
        await opened
    assert len(listeners) == 0
    assert await browser.chunks.get() == ""


async def test_a_stream_without_news_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As something that a page can hear: one that hears nothing says that its figures are old."""
    monkeypatch.setattr(live, "QUIET", 0.01)
    listeners, browser = Listeners(), Browser()
    opened = browser.open(Stream(listeners, "now", lambda: "x"))
    async with asyncio.timeout(10):
        assert await browser.chunks.get() == "event: now\ndata: x\n\n"
        assert await browser.chunks.get() == "event: here\ndata: here\n\n"
    await cancelled(opened)


async def test_streams_are_bounded() -> None:
    """A hundred open pages are enough for anybody; one more is told so, as a page."""
    listeners, browser = Listeners(), Browser()
    streams = [browser.open(Stream(listeners, "now", lambda: "x")) for _ in range(MOST)]
    async with asyncio.timeout(10):
        for _ in streams:
            await browser.chunks.get()
        with pytest.raises(Refused, match="Too many pages"):
            await browser.open(Stream(listeners, "now", lambda: "x"))
    assert browser.chunks.empty()
    for one in streams:
        one.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    assert len(listeners) == 0


def test_now_shows_what_was_seen() -> None:
    """Letters are led to, a queue without workers is told, and history is no backlog."""
    feed = Feed(Settings())
    queues = {
        "leveret.dead.default": Depth(3, 0),
        "leveret.dead.journal": Depth(9, 0),
        "leveret.work.default": Depth(2, 0),
    }
    feed.picture = Picture((), queues, 3, {}, {}, 0.004, None, ())
    now = now_of(feed, Names(), clock=1.0)
    assert [(one.name, one.state, one.letters_of, one.history) for one in now.queues] == [
        ("leveret.work.default", "nobody takes from it", "", False),
        ("leveret.dead.default", "open letters", "default", False),
        ("leveret.dead.journal", "", "", True),
    ]
    view = View(guarded=False, prefix="leveret", pages=())
    assert re.search(r">9 <span[^>]*>\(history\)<", view.part("now_part.html", now=now))
    assert [one.value for one in now.figures if one.name == "Dead letters"] == ["3"]
