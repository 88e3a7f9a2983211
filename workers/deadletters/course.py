"""An action on its way, as a person steers it: stop it between two letters, or hold it."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Course:
    """Stopped once and for all, paused and resumed at will; wakes whoever tells how it goes."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._go = asyncio.Event()
        self._go.set()
        self._moved = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped."""
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return not self._go.is_set() and not self.stopped

    def stop(self) -> None:
        """Stop after the letter that is on its way."""
        self._stop.set()
        self._go.set()
        self.moved()

    def pause(self) -> None:
        """Send nothing more until `resume`."""
        self._go.clear()
        self.moved()

    def resume(self) -> None:
        """Go on."""
        self._go.set()
        self.moved()

    def moved(self) -> None:
        """Have whoever watches look again."""
        self._moved.set()

    async def next_move(self) -> None:
        """Return when something moved."""
        await self._moved.wait()
        self._moved.clear()

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds, or when it is stopped."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stop.wait()

    async def clear(self, seconds: float | None = None) -> None:
        """Return when it is not held, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._go.wait()
