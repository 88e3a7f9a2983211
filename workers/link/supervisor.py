"""Keeps a connection alive: one life after another, with a back-off between failed ones.

Recovery needs nobody. What can only be mended by a person - a refused login, a missing virtual
host - ends the first attempt with an error that says so, and is tried again later on.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from typing import TYPE_CHECKING, Final

from aio_pika.exceptions import AMQPChannelError, AMQPError, ProbableAuthenticationError
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ConnectionNotAllowed,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from topology import Role
from workers.link.cancelling import cancelled
from workers.link.connection import NoRoom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("leveret.link")

#: Seconds: the most we wait between attempts. Full jitter below it, so that a hundred replicas do
#: not knock at a restarted broker's door in the same moment.
LONGEST_WAIT: Final = 10.0
#: Seconds: the mean of the first wait is half of this.
FIRST_WAIT: Final = 0.4
#: Seconds: a life this long was a good one, and the next failure is the first of its kind.
SETTLED: Final = 10.0


class Lost(Exception):
    """A connection, channel or consumer came to its end; the message says how."""


#: What a lost, refused or silent connection raises, from the socket up to the library.
LOST: Final = (Lost, AMQPError, OSError, TimeoutError, asyncio.IncompleteReadError, RuntimeError)


#: What only a person can mend.
HOPELESS: Final = (ProbableAuthenticationError, ConnectionNotAllowed, ChannelAccessRefused)


class LinkError(Exception):
    """The broker cannot be used as configured; the message says why and what to do."""


class BrokerUnreachable(LinkError):
    """No broker answers at the configured address."""


def explain(error: BaseException, address: str, role: Role = Role.WORKER) -> LinkError:
    """Return what a person should know about a failed connection; `role` is whose work it is."""
    match error:
        case ProbableAuthenticationError():
            return LinkError(
                f"the broker at {address} refused the login; check the user and password in "
                "LEVERET_AMQP_URL, and that the user exists (rabbitmqctl list_users)",
            )
        case NoRoom():
            return LinkError(
                f"the broker at {address} takes no more connections ({error}); close some that are "
                "not needed (rabbitmqctl list_connections), or raise the limit (rabbitmqctl "
                "set_vhost_limits, set_user_limits)",
            )
        case ConnectionNotAllowed():
            return LinkError(
                f"the broker at {address} refused the virtual host; create it (rabbitmqctl "
                "add_vhost) or give the user permissions on it (rabbitmqctl set_permissions)",
            )
        case ChannelAccessRefused():
            return LinkError(
                f"the broker at {address} refused a right: {error}; give the user the permissions "
                f"of the {role} role (`leveret topology export --users` has them), or connect as "
                "one who has them",
            )
        case AMQPConnectionError() if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return LinkError(
                f"the certificate of {address} cannot be trusted ({error.__cause__}); name the "
                "authority that signed it with ?cafile=/path/to/ca.pem, and the host as the "
                "certificate does; one that has expired must be renewed at the broker",
            )
        case AMQPConnectionError() if isinstance(error.__cause__, ssl.SSLError):
            return LinkError(
                f"what listens at {address} does not speak TLS as it should ({error.__cause__}); "
                "is that the broker's TLS port, usually 5671? Nothing was sent in the open",
            )
        case ChannelNotFoundEntity():
            return LinkError(
                f"the broker at {address} lacks something: {error}; run `leveret topology apply`",
            )
        case Lost() | AMQPChannelError():
            return LinkError(f"the line to the broker at {address} ended: {error}")
        case _:
            return BrokerUnreachable(
                f"no broker answers at {address} ({type(error).__name__}: {error}); is it running, "
                "and is LEVERET_AMQP_URL right?",
            )


class Supervisor:
    """Runs one kind of life again and again until it is told to stop."""

    def __init__(
        self,
        name: str,
        live: Callable[[Callable[[], None]], Awaitable[None]],
        *,
        address: str,
        role: Role = Role.WORKER,
    ) -> None:
        self._name = name
        self._live = live
        self._address = address
        self._role = role
        self._stopping = False
        self._lives = 0
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        #: What is in the way; empty while a life goes on.
        self._why = ""
        #: Seconds: the most between two attempts.
        self.longest_wait = LONGEST_WAIT
        #: Called when a life has begun (True), and with what is in the way when none goes on.
        self.told: Callable[[bool, str], None] = lambda _there, _why: None

    @property
    def lives(self) -> int:
        """How often a connection has been made."""
        return self._lives

    async def start(self, *, within: float) -> None:
        """Return when the first life has begun, or raise LinkError after `within` seconds.

        A refused login or right is told at once: waiting does not change a password.
        """
        self._first = asyncio.get_running_loop().create_future()
        self.begin()
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._first)
        except TimeoutError:
            self._first = None
            raise BrokerUnreachable(
                f"{self._name} did not begin within {within:g} s: "
                + (self._why or f"no broker answered at {self._address}; is it running?"),
            ) from None

    def begin(self) -> None:
        """Start living, without waiting for the first life."""
        self._task = asyncio.create_task(self._keep(), name=f"link-{self._name}")
        self._task.add_done_callback(self._ended)

    def finish(self) -> None:
        """Let the present life go on, and begin no other."""
        self._stopping = True

    async def stop(self) -> None:
        """End the present life and begin no other."""
        self._stopping = True
        if self._task is not None:
            await cancelled(self._task)

    async def _keep(self) -> None:
        while not self._stopping:
            async for attempt in AsyncRetrying(
                wait=wait_random_exponential(multiplier=FIRST_WAIT, max=self.longest_wait),
                retry=retry_if_exception_type(LOST),
                before_sleep=self._say,
            ):
                with attempt:
                    await self._live_once()
            await asyncio.sleep(FIRST_WAIT * random.random())  # noqa: S311 - jitter, no secret

    async def _live_once(self) -> None:
        """Live one life; returns after a long one, so that the back-off starts anew."""
        if self._stopping:
            return
        began = time.monotonic()
        try:
            await self._live(self._begun)
        except LOST as error:
            self._lost(error)
            if time.monotonic() - began < SETTLED:
                raise
            log.warning("%s connection lost: %s", self._name, self._why)
        except asyncio.CancelledError:
            # aiormq cancels whoever waits on a connection that closes; only a cancellation of this
            # very task is meant for us.
            task = asyncio.current_task()
            if self._stopping or (task is not None and task.cancelling()):
                raise
            lost = Lost("the connection closed while we waited for the broker")
            self._lost(lost)
            raise lost from None

    def _begun(self) -> None:
        self._lives += 1
        if self._lives > 1:
            log.info("%s connection is back", self._name)
        self._why = ""
        self.told(True, "")
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _say(self, state: RetryCallState) -> None:
        wait = state.next_action.sleep if state.next_action is not None else 0.0
        log.warning("%s connection: %s; trying again in %.1f s", self._name, self._why, wait)

    def _lost(self, error: BaseException) -> None:
        """Tell whoever watches what is in the way, and whoever waits if waiting is no use."""
        told = explain(error, self._address, self._role)
        self._why = str(told)
        self.told(False, self._why)
        hopeless = isinstance(error, HOPELESS) or isinstance(error.__cause__, ssl.SSLError)
        if self._first is not None and not self._first.done() and hopeless:
            self._first.set_exception(told)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Say so when the lives end by a mistake of ours, which no further attempt would mend."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        log.critical("the %s line ended by a mistake in leveret", self._name, exc_info=error)
        self.told(False, f"the {self._name} line ended by a mistake in leveret: {error!r}")
        if self._first is not None and not self._first.done():
            self._first.set_exception(LinkError(f"the {self._name} line cannot live: {error!r}"))
