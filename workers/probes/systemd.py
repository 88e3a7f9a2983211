"""Tells systemd how this process stands, in its own protocol: lines in a datagram to a socket.

`READY=1` when it consumes, `STATUS=` whenever what is in the way changes, `STOPPING=1` when it
leaves, and `WATCHDOG=1` while it is alive. Alive is more than a process that is there: the loop
turns, since it is the loop that speaks, and whoever heals lost connections has not overrun the time
it gave itself. So a worker that hangs is ended and started anew, and one that is busy, paused or
waits for its broker is left in peace.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping

    from workers.probes.health import Health

log = logging.getLogger("leveret.notify")

SOCKET: Final = "NOTIFY_SOCKET"
#: Microseconds without a sign of life after which systemd ends us, and whom it means.
WATCHDOG: Final = "WATCHDOG_USEC"
WATCHDOG_OF: Final = "WATCHDOG_PID"
#: What no child of ours may find in its environment.
VARIABLES: Final = frozenset({SOCKET, WATCHDOG, WATCHDOG_OF})
#: Seconds between looks where nobody watches.
LOOK_EVERY: Final = 1.0
#: Signs of life in the time that systemd gives: one may be late, one may be lost.
SIGNS: Final = 3
#: Seconds beyond the time in which a worker that cannot heal leaves by itself.
BEYOND: Final = 15.0


class Notifier:
    """A way to systemd; what it does not take is not missed, for the next one follows."""

    def __init__(self, address: str, *, watchdog: float | None = None) -> None:
        # A leading @ stands for the null byte of Linux's abstract names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        #: Seconds between signs of life, or None where nobody watches.
        self.watchdog = watchdog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def say(self, *lines: str) -> None:
        """Send some lines, each `NAME=value` without a line break in it."""
        told = "\n".join(" ".join(line.splitlines()) for line in lines)
        with suppress(OSError):
            self._socket.sendto(told.encode(), self._address)

    def close(self) -> None:
        """Fall silent."""
        self._socket.close()


def open_notifier(environment: MutableMapping[str, str]) -> Notifier | None:
    """Return the way to systemd, or None where it did not start us.

    Its variables are taken out, so that no child of ours speaks in our name.
    """
    address = environment.pop(SOCKET, "")
    every = environment.pop(WATCHDOG, "")
    whom = environment.pop(WATCHDOG_OF, "")
    if not address.startswith(("/", "@")):
        return None
    watched = every.isdigit() and int(every) > 0 and whom in {"", str(os.getpid())}
    return Notifier(address, watchdog=int(every) / 1_000_000 if watched else None)


@asynccontextmanager
async def notifying(health: Health, *, serving: str, patience: float) -> AsyncIterator[None]:
    """Tell systemd how it stands while the context is open, where it is systemd that started us.

    `serving` is the status while nothing is in the way; `patience` is within how many seconds
    without a connection the worker leaves by itself.
    """
    notifier = open_notifier(os.environ)
    if notifier is None:
        yield
        return
    teller = Teller(notifier, health, serving=serving, patience=patience)
    task = asyncio.create_task(teller.go_on(), name="notify")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        teller.look()  # a drain may be over before the next look
        notifier.close()


class Teller:
    """Says each change once, and signs of life as often as they are wanted."""

    def __init__(
        self, notifier: Notifier, health: Health, *, serving: str, patience: float
    ) -> None:
        self._notifier = notifier
        self._health = health
        self._serving = serving
        self._patience = patience
        self._status = ""
        self._ready = False
        self._stopping = False

    async def go_on(self) -> None:
        """Look and tell, until cancelled."""
        watchdog = self._notifier.watchdog
        every = LOOK_EVERY if watchdog is None else min(LOOK_EVERY, watchdog / SIGNS)
        while True:
            self.look()
            await asyncio.sleep(every)

    def look(self) -> None:
        """Tell what has changed since the last look, and that we live."""
        health = self._health
        lines = []
        if health.leaving and not self._stopping:
            self._stopping = True
            lines.append("STOPPING=1")
        elif not self._ready and not health.leaving and health.connected:
            self._ready = True
            lines.append("READY=1")
        status = health.reason or health.remark or self._serving
        if status != self._status:
            self._status = status
            lines.append(f"STATUS={status}")
        if self._notifier.watchdog is not None:
            if health.not_consuming_for() <= self._patience + BEYOND:
                lines.append("WATCHDOG=1")
            else:
                log.error("no longer alive: %s; systemd's watchdog will end this", health.reason)
        if lines:
            self._notifier.say(*lines)
