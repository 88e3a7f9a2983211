"""The line between a supervisor and one of its replicas: a pair of sockets that only they hold.

The replica says its HTTP port, and that it leaves because it was asked to: an exit code of 0 alone
proves nothing, since any code in its process may say `os._exit(0)`. The supervisor says nothing;
the end of the line is how its own end looks, whatever it was, and a replica that nobody supervises
any more drains.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_LEFT: Final = b"left"
#: Seconds to hear what a replica said with its last breath, where something it has started still
#: holds its end.
LAST_WORDS: Final = 1.0


class Heard:
    """The supervisor's end: what one replica has said so far."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        #: Where its pages are; None until it says so.
        self.port: int | None = None
        #: It leaves because it was asked to.
        self.left = False
        self._listening = asyncio.create_task(self._listen(), name="replica")

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._socket)
        try:
            with suppress(OSError, ValueError):  # it is gone, or what has come is no line
                async for line in reader:
                    said = line.strip()
                    if said.isdigit():
                        self.port = int(said)
                    self.left = self.left or said == _LEFT
        finally:
            writer.close()

    async def close(self) -> None:
        """Hear the last words of a replica that has ended, and hang up."""
        await asyncio.wait([self._listening], timeout=LAST_WORDS)
        self._listening.cancel()
        await asyncio.wait([self._listening])


class Supervised:
    """The replica's end; `descriptor` is None where nobody supervises, and then nothing is said."""

    def __init__(self, descriptor: int | None) -> None:
        self._socket = None if descriptor is None else socket.socket(fileno=descriptor)
        self._watching: asyncio.Task[None] | None = None
        if self._socket is not None:
            self._socket.set_inheritable(False)
            self._socket.setblocking(False)

    def __enter__(self) -> Self:
        """Lend it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Hang up."""
        if self._watching is not None:
            self._watching.cancel()
        if self._socket is not None:
            self._socket.close()

    @property
    def is_alone(self) -> bool:
        """Whether nobody supervises."""
        return self._socket is None

    def serving(self, port: int) -> None:
        """Say where the pages are."""
        self._say(b"%d\n" % port)

    def left(self) -> None:
        """Say that this replica leaves because it was asked to."""
        self._say(_LEFT + b"\n")

    def watch(self, gone: Callable[[], None]) -> None:
        """Call `gone` once the supervisor is no more."""
        if self._socket is not None:
            self._watching = asyncio.create_task(self._watch(self._socket, gone), name="supervisor")

    @staticmethod
    async def _watch(line: socket.socket, gone: Callable[[], None]) -> None:
        with suppress(OSError):
            while await asyncio.get_running_loop().sock_recv(line, 64):
                pass
        gone()

    def _say(self, words: bytes) -> None:
        if self._socket is not None:
            with suppress(OSError):  # nobody listens any more
                self._socket.send(words)
