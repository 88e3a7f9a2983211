"""What is new reaches every open page, and not more of them than there may be."""

from __future__ import annotations

import pytest

from topology import Names
from topology.apply import Depth
from workers.console.feed import Feed
from workers.console.live import MOST, Listeners, stream
from workers.console.now import now_of
from workers.presence.watching import Picture
from workers.settings import Settings


async def test_a_stream_tells_what_is_new_until_it_is_over() -> None:
    """Whoever comes gets the newest at once."""
    listeners, told = Listeners(), ["one\ntwo", "three"]
    answer = stream(listeners, "now", lambda: told.pop(0), lambda: not told)
    events = answer.body_iterator
    assert await anext(events) == "event: now\ndata: one\ndata: two\n\n"
    assert len(listeners) == 1
    listeners.wake()
    assert await anext(events) == "event: now\ndata: three\n\n"
    assert await anext(events) == "event: over\ndata: over\n\n"
    assert [one async for one in events] == []
    assert len(listeners) == 0


async def test_streams_are_bounded() -> None:
    """A hundred open pages are enough for anybody."""
    listeners = Listeners()
    streams = [stream(listeners, "now", lambda: "x").body_iterator for _ in range(MOST)]
    for one in streams:
        await anext(one)
    with pytest.raises(Exception, match="Too many pages"):
        await anext(stream(listeners, "now", lambda: "x").body_iterator)
    for one in streams:
        await one.aclose()
    assert len(listeners) == 0


def test_now_shows_what_was_seen() -> None:
    """A dead-letter queue leads to its letters; a work queue without workers is told."""
    feed = Feed(Settings())
    queues = {"leveret.dead.default": Depth(3, 0), "leveret.work.default": Depth(2, 0)}
    feed.picture = Picture((), queues, 3, {}, {}, 0.004, None, ())
    now = now_of(feed, Names(), clock=1.0)
    assert [(one.name, one.state, one.letters_of) for one in now.queues] == [
        ("leveret.work.default", "nobody takes from it", ""),
        ("leveret.dead.default", "open letters", "default"),
    ]
    assert [one.value for one in now.figures if one.name == "Dead letters"] == ["3"]
