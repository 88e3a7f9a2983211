"""Somebody who browses the console: *Now* is open, and now and then another page is clicked."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from itertools import cycle
from statistics import median
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: What is looked at in turn, by what it is called in the table; `{…}` is filled in from the list.
PAGES: Final = {
    "Dead letters": "/letters",
    "… by error code": "/letters?code=invalid_payload",
    "… one kind": "/letters?fingerprint={fingerprint}",
    "… of one sender": "/letters?agent=bench-1",
    "… since a time": "/letters?since=2026-05-01T13:00",
    "… page 200": "/letters?page=200",
    "One letter": "/letters/{letter}",
    "History": "/history",
    "Topology": "/topology",
    "Now": "/",
}
#: Seconds a page may take at all.
PATIENCE: Final = 120.0
_LETTER: Final = re.compile(r'href="/letters/([0-9a-f-]{8,})\?')
_KIND: Final = re.compile(r"fingerprint=([0-9a-f]{16})")


class Visitor:
    """Looks at pages, and remembers how long each took."""

    def __init__(self, address: str) -> None:
        self._client = httpx.AsyncClient(base_url=address, timeout=PATIENCE)
        #: Page → seconds of each look at it.
        self.took: dict[str, list[float]] = defaultdict(list)
        #: Pictures that the stream brought.
        self.heard = 0
        self._known: dict[str, str] = {}

    async def first_look(self) -> float:
        """Return the seconds until the letters stand there for the first time: all are read."""
        began = time.perf_counter()
        while not _LETTER.search(page := (await self._client.get("/letters")).text):  # noqa: ASYNC110 - as a person reloads
            await asyncio.sleep(0.1)
        took = time.perf_counter() - began
        for name, pattern in (("letter", _LETTER), ("fingerprint", _KIND)):
            found = pattern.search(page)
            assert found, f"no {name} on the page"
            self._known[name] = found[1]
        return took

    @asynccontextmanager
    async def browsing(self, every: float) -> AsyncIterator[None]:
        """Browse while the context is open: a click every so many seconds."""
        tasks = [asyncio.ensure_future(self._listen()), asyncio.ensure_future(self._click(every))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for one in ended:
                if isinstance(one, Exception):
                    raise one

    async def see_all(self, times: int) -> None:
        """Look at every page so many times, one after the other."""
        for _ in range(times):
            for name in PAGES:
                await self._see(name)

    async def close(self) -> None:
        """Leave."""
        await self._client.aclose()

    def medians(self) -> dict[str, tuple[float, float]]:
        """Return each page's median and longest seconds."""
        return {name: (median(took), max(took)) for name, took in self.took.items()}

    async def _click(self, every: float) -> None:
        for name in cycle(PAGES):
            await self._see(name)
            await asyncio.sleep(every)

    async def _see(self, name: str) -> None:
        began = time.perf_counter()
        (await self._client.get(PAGES[name].format(**self._known))).raise_for_status()
        self.took[name].append(time.perf_counter() - began)

    async def _listen(self) -> None:
        async with self._client.stream("GET", "/now/events") as stream:
            async for line in stream.aiter_lines():
                self.heard += line.startswith("event: now")
