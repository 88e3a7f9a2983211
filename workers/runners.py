"""The few long-lived tasks that do the work: take a delivery, handle it, hand it to settle.

A task for each message would cost more than most messages. A processor that never awaits is run
to its end without a task switch; when one does await, the next runner goes on with the queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from workers.around.limits import TimeLimit
from workers.outcome import DeadLettered, Requeued, Subject
from workers.recovery import raised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.outcome import Delivery, Outcome

log = logging.getLogger("leveret.runners")

#: What becomes at first of a message that we failed, not its processor.
MISTAKE: Final = Requeued(Subject(), "a mistake in leveret")
#: What becomes of one in whose middle this worker was told to leave.
LEAVING: Final = Requeued(Subject(), "the worker is leaving")
#: Messages that all runners together do in a row before the rest of the loop (sockets, timers) has
#: a turn; at 40 µs each that is less than three milliseconds. With 16 no more come through in the
#: end, and each costs more.
TURN: Final = 64


class Handle(Protocol):
    """`pipeline.handle`: the whole decision about one delivery."""

    def __call__(self, delivery: Delivery, limit: TimeLimit, /) -> Awaitable[Outcome]:
        """Return what became of it; raises nothing."""


class Runners:
    """Runs up to `most` deliveries at once, urgent ones first, in as few tasks as that takes."""

    def __init__(
        self,
        handle: Handle,
        settle: Callable[[Delivery, Outcome, float], None],
        *,
        most: int,
        resting: Callable[[], None] = lambda: None,
    ) -> None:
        self._handle = handle
        self._settle = settle
        self._most = most
        #: Told when all that came is done: what was settled need not wait for more to go with it.
        self._resting = resting
        self._urgent: deque[Delivery] = deque()
        self._queue: deque[Delivery] = deque()
        self._tasks: dict[asyncio.Task[None], TimeLimit] = {}
        self._idle: list[asyncio.Future[None]] = []
        #: What each runner is at.
        self._doing: dict[TimeLimit, Delivery] = {}
        #: One runner is on its way; waking a second before it has looked would be for nothing.
        self._waking = False
        #: Messages done in this turn of the loop.
        self._in_turn = 0
        #: One runner waits for the next turn, and goes on with the queue then.
        self._yielding = False
        #: Set when nothing is being handled any more; None until somebody waits for that.
        self._quiet: asyncio.Event | None = None

    @property
    def busy(self) -> int:
        """How many deliveries are being handled now."""
        return len(self._doing)

    @property
    def here(self) -> int:
        """How many deliveries are being handled or wait for it."""
        return len(self._doing) + len(self._urgent) + len(self._queue)

    def oldest(self) -> int | None:
        """Return when the oldest message here was sent, in seconds since 1970; None of none."""
        here = (*self._doing.values(), *self._urgent, *self._queue)
        sent = (delivery.properties.timestamp for delivery in here)
        return min((when for when in sent if when is not None), default=None)

    def take(self, delivery: Delivery, *, urgent: bool = False) -> None:
        """Queue a delivery; a runner starts on it in this turn of the loop."""
        (self._urgent if urgent else self._queue).append(delivery)
        if not self._waking:
            self._wake()

    def give_up_waiting(self) -> list[Delivery]:
        """Return the deliveries nobody has started, which are the caller's again."""
        waiting = [*self._urgent, *self._queue]
        self._urgent.clear()
        self._queue.clear()
        return waiting

    async def finish(self, grace: float) -> bool:
        """Wait until nothing is being handled, at most `grace` seconds; return whether it is so."""
        if not self._doing:
            return True
        self._quiet = asyncio.Event()
        try:
            async with asyncio.timeout(grace):
                await self._quiet.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, *, patience: float = 2.0) -> None:
        """Cancel what still runs, so that it is given back, and end the runners.

        A processor that swallows the cancellation is left behind after `patience` seconds.
        """
        for task, limit in self._tasks.items():
            limit.leave()
            task.cancel()
        if not self._tasks:
            return
        _, stuck = await asyncio.wait(self._tasks, timeout=patience)
        for limit in (self._tasks[task] for task in stuck):
            log.error(
                "the processor of %s does not end although it is cancelled: it is left behind, and "
                "its message goes back to the broker with the connection; let it raise the "
                "CancelledError that it catches",
                "a message" if limit.route is None else limit.route.name,
            )

    def _wake(self) -> None:
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.done():
                self._waking = True
                waiting.set_result(None)
                return
        if len(self._tasks) < self._most:
            self._waking = True
            limit = TimeLimit(asyncio.get_running_loop())
            task = asyncio.create_task(self._run(limit), name=f"runner-{len(self._tasks)}")
            limit.guard(task)
            self._tasks[task] = limit
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Have another runner go on where one was cancelled that should not have been.

        A processor's own time-out, never taken back, may strike while its runner waits for a turn.
        """
        limit = self._tasks.pop(task, None)
        if limit is not None and not limit.leaving:
            self._waking = False
            if self._urgent or self._queue:
                self._wake()

    async def _run(self, limit: TimeLimit) -> None:
        loop = asyncio.get_running_loop()
        urgent, queue = self._urgent, self._queue
        while not limit.leaving:
            self._waking = False
            if not self._yielding:
                self._in_turn = 0  # whoever was woken begins with a turn
            while urgent or queue:
                if self._in_turn >= TURN:
                    if not await self._next_turn():
                        break
                    continue  # what waited may have been given back meanwhile
                delivery = urgent.popleft() if urgent else queue.popleft()
                if (urgent or queue) and not self._waking:
                    self._wake()  # goes on with the rest if this one awaits
                await self._do(delivery, limit)
                if limit.leaving:  # set while the delivery was being done
                    return  # type: ignore[unreachable] # mypy holds what the loop asked for true
                self._in_turn += 1
            if not self._doing:
                self._resting()
            waiting = loop.create_future()
            self._idle.append(waiting)
            await waiting

    async def _next_turn(self) -> bool:
        """Wait for the loop's next turn; False where another runner does, and goes on for all.

        Were they all to wait, all would go on in the same turn, and it would grow by each of them.
        """
        if self._yielding:
            return False
        self._yielding = True
        try:
            await asyncio.sleep(0)
        finally:
            self._yielding = False
        self._in_turn = 0
        return True

    async def _do(self, delivery: Delivery, limit: TimeLimit) -> None:
        self._doing[limit] = delivery
        began = perf_counter()
        try:
            outcome = await self._handle(delivery, limit)
            self._settle(delivery, outcome, perf_counter() - began)
        except BaseException as error:  # noqa: BLE001 - the last one: nothing may end a runner
            self._end(delivery, error, limit, perf_counter() - began)
        finally:
            del self._doing[limit]
            if self._quiet is not None and not self._doing:
                self._quiet.set()

    def _end(
        self, delivery: Delivery, error: BaseException, limit: TimeLimit, seconds: float
    ) -> None:
        """End a message whose handling was cut short."""
        if limit.leaving and isinstance(error, asyncio.CancelledError):
            self._settle(delivery, LEAVING, seconds)
            return
        try:
            self._settle(delivery, _mistaken(delivery, error), seconds)
        except Exception:  # it may be the very letter that cannot be written
            log.exception("no letter can be written", extra={"untold": True})
            self._settle(delivery, MISTAKE, seconds)


def _mistaken(delivery: Delivery, error: BaseException) -> Outcome:
    """Return what becomes of a message that neither handling nor settling could cope with.

    Neither raises, so this is a mistake of ours, which another replica's version may not make. What
    has come back once before ends here, with all that is known: given back again and again it would
    end at the broker, which knows nothing.
    """
    log.error(
        "a message is %s because of a mistake in leveret",
        "dead-lettered" if delivery.redelivered else "given back",
        exc_info=error,
        extra={"untold": True},
    )
    if not delivery.redelivered:
        return MISTAKE
    failure = raised("a mistake in leveret: it", error)
    return DeadLettered(Subject(), failure, str(uuid4()))
