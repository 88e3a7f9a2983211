"""A line on which nothing comes is told once, after two heartbeats; any byte puts it off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from unit.link.stream import HEARTBEAT, Taps, deliver

from workers.link import pulse
from workers.link.connection import Tap
from workers.link.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.due: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.passed = 0.0

    def call_later(self, seconds: float, act: Callable[..., None], *given: object) -> Loop:
        """Keep it; be the timer, too."""
        self.due.append((act, given))
        self.passed += seconds
        return self

    def cancel(self) -> None:
        """Forget what is due."""
        self.due.clear()

    def look(self) -> None:
        """Let the next look come."""
        act, given = self.due.pop()
        act(*given)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Stand where the running loop would."""
    loop = Loop()
    monkeypatch.setattr(pulse.asyncio, "get_running_loop", lambda: loop)
    return loop


def until_gone(loop: Loop, gone: list[str], *, most: int = 1_000) -> float:
    """Let time pass until it is told; return the seconds."""
    for _ in range(most):
        if gone:
            break
        loop.look()
    return loop.passed


@pytest.mark.parametrize("heartbeat", [1, 15])
def test_two_heartbeats_without_a_byte_are_told_once(loop: Loop, heartbeat: int) -> None:
    """And then nobody looks any more."""
    gone: list[str] = []
    Pulse().watch(heartbeat, lambda: gone.append("gone"))
    assert until_gone(loop, gone) == 2 * heartbeat
    assert gone == ["gone"]
    assert not loop.due


def test_a_byte_puts_it_off(loop: Loop) -> None:
    """Counted from the look that found it, so at most a second late."""
    gone: list[str] = []
    line = Pulse()
    line.watch(15, lambda: gone.append("gone"))
    for _ in range(200):
        line.felt = True
        for _ in range(30):
            loop.look()
    assert not gone
    before = loop.passed
    assert until_gone(loop, gone) - before <= 30


def test_a_frozen_process_did_not_listen(loop: Loop) -> None:
    """However long it was away, that is one look: what came meanwhile is read before the next."""
    gone: list[str] = []
    line = Pulse()
    line.watch(1, lambda: gone.append("gone"))
    loop.passed += 3_600
    loop.look()
    assert not gone
    line.felt = True
    loop.look()
    loop.look()
    assert not gone


def test_without_heartbeats_nothing_is_expected(loop: Loop) -> None:
    """A heartbeat of 0 switches them off on both sides."""
    Pulse().watch(0, lambda: None)
    assert not loop.due


def test_a_closed_line_is_looked_at_no_more(loop: Loop) -> None:
    """Its silence is known."""
    line = Pulse()
    line.watch(1, lambda: None)
    line.stop()
    assert not loop.due
    Pulse().stop()


async def test_whatever_is_read_from_a_line_is_felt() -> None:
    """Hot frames too, which aio-pika never sees."""
    taps = Taps()
    line = Pulse()
    tap = Tap(taps.frames, line, asyncio.get_running_loop())
    for chunk in (HEARTBEAT, deliver(1), b"\x01"):
        line.felt = False
        tap.feed_data(chunk)
        assert line.felt
