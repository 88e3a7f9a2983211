"""Server-sent events: the same part of a page for everybody who has it open."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from starlette.responses import StreamingResponse

from workers.console.doors.entry import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import Receive, Scope, Send

#: Pages open at once; each costs a connection and a task.
MOST: Final = 100
#: Seconds until a page without news is told that there is none: one that hears nothing three
#: times as long says that its figures are old (static/watch.js). Proxies keep the line so, too.
QUIET: Final = 5.0
#: Seconds after which a browser has to come again, and to show its cookie again.
LONGEST: Final = 600.0


class Listeners:
    """Everybody who listens; each is woken, and asks for what is newest then."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def __len__(self) -> int:
        """Return how many listen."""
        return len(self._waiting)

    def wake(self) -> None:
        """Tell everybody that there is something new."""
        for event in self._waiting:
            event.set()

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """Lend an event that is set whenever there is something new; raises Refused when full."""
        if len(self._waiting) >= MOST:
            raise Refused(503, "Too many pages are open; close some, or reload by hand.")
        event = asyncio.Event()
        event.set()  # what there is already is new to whoever just came
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)


class Stream(StreamingResponse):
    """Sends a part of a page whenever there is something new; raises Refused when full."""

    def __init__(
        self,
        listeners: Listeners,
        name: str,
        part: Callable[[], str],
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._listeners = listeners
        self._name = name
        self._part = part
        self._over = over
        super().__init__((), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, for as long as the browser reads, and not longer than a session may go on."""
        if scope["method"] == "HEAD":  # whoever asks for no events is none of the listeners
            await super().__call__(scope, receive, send)
            return
        with self._listeners.listening() as event, suppress(TimeoutError):
            self.body_iterator = self._events(event)
            # Events end before; this is for who does not read what is sent.
            async with asyncio.timeout(LONGEST + QUIET):
                await super().__call__(scope, receive, send)

    async def _events(self, event: asyncio.Event) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST
        while loop.time() < until:
            try:
                async with asyncio.timeout(QUIET):
                    await event.wait()
            except TimeoutError:
                yield _event("here", "here")
                continue
            event.clear()
            yield _event(self._name, self._part())
            if self._over():
                yield _event("over", "over")
                return


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n"
