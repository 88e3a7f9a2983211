"""Keeps a connection alive: one life after another, with a back-off between failed ones.

Recovery needs nobody. What can only be mended by a person - a refused login, a missing virtual
host - ends the first attempt with an error that says so, and is tried again later on.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Final

from aio_pika.exceptions import AMQPChannelError, AMQPError, ProbableAuthenticationError
from aiormq.exceptions import ChannelNotFoundEntity, ConnectionNotAllowed
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

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


class LinkError(Exception):
    """The broker cannot be used as configured; the message says why and what to do."""


class BrokerUnreachable(LinkError):
    """No broker answers at the configured address."""


def explain(error: BaseException, address: str) -> LinkError:
    """Return what a person should know about a failed connection."""
    match error:
        case ProbableAuthenticationError():
            return LinkError(
                f"the broker at {address} refused the login; check the user and password in "
                "LEVERET_AMQP_URL, and that the user exists (rabbitmqctl list_users)",
            )
        case ConnectionNotAllowed():
            return LinkError(
                f"the broker at {address} refused the virtual host; create it (rabbitmqctl "
                "add_vhost) or give the user permissions on it (rabbitmqctl set_permissions)",
            )
        case ChannelNotFoundEntity():
            return LinkError(
                f"the broker at {address} lacks something: {error}; run `leveret topology apply`",
            )
        case Lost() | AMQPChannelError():
            return LinkError(f"the broker at {address} ended it: {error}")
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
    ) -> None:
        self._name = name
        self._live = live
        self._address = address
        self._stopping = False
        self._lives = 0
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        #: Called when a life has begun (True) or ended (False).
        self.told: Callable[[bool], None] = lambda _: None

    @property
    def lives(self) -> int:
        """How often a connection has been made."""
        return self._lives

    async def start(self, *, within: float) -> None:
        """Return when the first life has begun, or raise LinkError after `within` seconds.

        A refused login is told at once: waiting does not change a password.
        """
        self._first = asyncio.get_running_loop().create_future()
        self.begin()
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._first)
        except TimeoutError:
            raise BrokerUnreachable(
                f"no broker answered at {self._address} within {within:g} s; is it running, and is "
                "LEVERET_AMQP_URL right?",
            ) from None

    def begin(self) -> None:
        """Start living, without waiting for the first life."""
        self._task = asyncio.create_task(self._keep(), name=f"link-{self._name}")

    async def stop(self) -> None:
        """End the present life and begin no other."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep(self) -> None:
        while not self._stopping:
            async for attempt in AsyncRetrying(
                wait=wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
                retry=retry_if_exception_type(LOST),
                before_sleep=self._say,
            ):
                with attempt:
                    await self._live_once()
            await asyncio.sleep(FIRST_WAIT * random.random())  # noqa: S311 - jitter, no secret

    async def _live_once(self) -> None:
        """Live one life; returns after a long one, so that the back-off starts anew."""
        began = time.monotonic()
        lives = self._lives
        try:
            await self._live(self._begun)
        except LOST as error:
            if time.monotonic() - began < SETTLED:
                raise
            log.warning("%s connection lost: %s", self._name, error)
        except asyncio.CancelledError:
            # aiormq cancels whoever waits on a connection that closes; only a cancellation of this
            # very task is meant for us.
            task = asyncio.current_task()
            if self._stopping or (task is not None and task.cancelling()):
                raise
            raise Lost("the connection closed while we waited for the broker") from None
        finally:
            if self._lives > lives:
                self.told(False)

    def _begun(self) -> None:
        self._lives += 1
        if self._lives > 1:
            log.info("%s connection is back", self._name)
        self.told(True)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        told = explain(error or OSError("closed"), self._address)
        hopeless = isinstance(error, ProbableAuthenticationError | ConnectionNotAllowed)
        if self._first is not None and not self._first.done() and hopeless:
            self._first.set_exception(told)
        wait = state.next_action.sleep if state.next_action is not None else 0.0
        log.warning("%s connection: %s; trying again in %.1f s", self._name, told, wait)
