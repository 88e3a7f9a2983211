"""Does the work of a message at most once for each sender and envelope id.

claim → work → keep the answer → the answer goes out, the message is acked. A crash before the
answer is kept leaves a claim that runs out; one after it leaves the answer for the next delivery.
Between the effect of the work and the keeping of its answer there is a gap that only a transaction
of the processor's closes (`transaction=True`).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar, assert_never

from messages import ErrorCode, FieldError, InvalidMessage
from workers.inbox.port import (
    FORGET,
    Busy,
    Claimed,
    Differs,
    Done,
    Entry,
    InboxError,
    Kept,
    Transactional,
    Verdict,
)
from workers.recovery import NotNow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from workers.inbox.port import Inbox, Transaction
    from workers.outcome import Answer
    from workers.request import Request

    Work = Callable[[object], Awaitable[Answer | None]]
    Again = Callable[[Request, Kept], Answer | None]

T = TypeVar("T")

log = logging.getLogger("leveret.inbox")

#: Seconds for one look into the inbox; a store that is slower is taken for one that is down.
WITHIN: Final = 5.0
#: Seconds until the inbox, or the message another worker is at, is tried again.
AGAIN: Final = 1.0
#: Seconds between two renewals of the claims that are held: three fit into a lease.
RENEW_EVERY: Final = 3.0
#: Seconds between two rounds of forgetting.
PRUNE_EVERY: Final = 60.0


class Once:
    """Stands before the work of one worker process."""

    def __init__(
        self,
        inbox: Inbox,
        *,
        retention: float,
        counted: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._inbox = inbox
        self._retention = retention
        self._counted = counted
        self._held: set[Entry] = set()
        self._mark = secrets.token_hex(8)
        self._numbers = count(1)
        self._keeping: tuple[asyncio.Task[None], ...] = ()

    @property
    def lost(self) -> str:
        """Why the inbox is of no use until the worker is started anew; empty while it is."""
        return self._inbox.lost

    def begin(self) -> None:
        """Renew claims and forget old answers from now on."""
        # Apart, for however much there is to forget, no claim may run out over it.
        self._keeping = (
            asyncio.create_task(self._renew(), name="inbox: renewals"),
            asyncio.create_task(self._forget(), name="inbox: forgetting"),
        )
        for task in self._keeping:
            task.add_done_callback(_tell_end)

    async def close(self) -> None:
        """Let go of the store; however its upkeep ended, the worker goes on leaving."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await self._inbox.close()

    async def answer(self, request: Request, work: Work, again: Again) -> Answer | None:
        """Return the answer of the work, done now or before.

        Raises NotNow while it cannot be known whether it was done, InvalidMessage for an id that
        was used for another body, and whatever the work raises.
        """
        entry = self._entry(request)
        if entry is None:
            self._counted("unidentified")
            return await work(None)
        verdict = await self._claim(entry)
        if not isinstance(verdict, Claimed):
            return again(request, self._before(verdict))
        self._counted("new")
        self._held.add(entry)
        try:
            answer = await work(None)
        except BaseException:
            self._held.discard(entry)
            await self._release(entry)
            raise
        self._held.discard(entry)
        await self._keep(entry, _kept(answer))
        return answer

    async def answer_within(self, request: Request, work: Work, again: Again) -> Answer | None:
        """Return the answer of work that writes in the inbox's transaction; raises as `answer`."""
        entry = self._entry(request)
        inbox = self._inbox
        assert isinstance(inbox, Transactional)  # noqa: S101 - refused at start otherwise
        if entry is None:
            raise InvalidMessage(
                ErrorCode.INVALID_ENVELOPE,
                "this processor takes effect once, so its messages need an envelope_id",
                (FieldError("envelope_id", "/envelope_id", "missing", "give it an envelope_id"),),
            )
        try:
            async with _Bounded(inbox.transaction(entry)) as transaction:
                if not isinstance(transaction.verdict, Claimed):
                    return again(request, self._before(transaction.verdict))
                answer = await work(transaction.connection)
                async with _within():
                    await transaction.keep(_kept(answer))
        except InboxError as error:
            raise self._unavailable(error) from error
        self._counted("new")
        return answer

    # -- steps --

    def _entry(self, request: Request) -> Entry | None:
        """Return what the message is known by; None for one without any id of its sender's."""
        envelope, past, properties = request.envelope, request.past, request.delivery.properties
        assert envelope is not None  # noqa: S101 - a valid message has one
        if "envelope_id" in envelope.model_fields_set:
            own = envelope.envelope_id.hex
        else:
            own = (past.message_id if past.is_copy else properties.message_id) or ""
            if not own:
                return None
        user = (past.user_id if past.is_copy else properties.user_id) or ""
        who = hashlib.blake2b(digest_size=16)
        for part in (user, envelope.source_agent.agent_id, own):
            text = part.encode("utf-8", "surrogatepass")
            who.update(len(text).to_bytes(4, "big") + text)
        digest = hashlib.blake2b(request.delivery.body, digest_size=16).digest()
        return Entry(who.digest(), digest, f"{self._mark}-{next(self._numbers)}")

    async def _claim(self, entry: Entry) -> Verdict:
        try:
            async with asyncio.timeout(WITHIN):
                return await self._inbox.claim(entry)
        except (InboxError, TimeoutError) as error:
            raise self._unavailable(error) from error

    def _before(self, verdict: Done | Busy | Differs) -> Kept:
        """Return the answer that is kept, or raise what stands against the work."""
        match verdict:
            case Done(kept):
                self._counted("duplicate")
                return kept
            case Busy():
                self._counted("busy")
                raise NotNow("the same message is being processed elsewhere", after=AGAIN)
            case Differs():
                self._counted("id_reused")
                raise InvalidMessage(
                    ErrorCode.INVALID_ENVELOPE,
                    "its envelope_id was used before, for a message with another body",
                    (
                        FieldError(
                            "envelope_id",
                            "/envelope_id",
                            "id_reused",
                            "give every message an id of its own",
                        ),
                    ),
                )
            case _:
                assert_never(verdict)

    def _unavailable(self, error: Exception) -> NotNow:
        self._counted("unavailable")
        log.warning("the work waits for the inbox: %s", str(error) or "it takes too long")
        return NotNow("the inbox cannot say whether it was done before", after=AGAIN)

    async def _keep(self, entry: Entry, kept: Kept) -> None:
        """Keep the answer of work that is done; without it the message is done all the same."""
        try:
            async with asyncio.timeout(WITHIN):
                if await self._inbox.keep(entry, kept):
                    return
            why = "its claim had run out and was taken over"
        except (InboxError, TimeoutError) as error:
            why = str(error) or "the inbox takes too long"
        self._counted("not_kept")
        log.error("an answer is not kept, so a duplicate of it may take effect again: %s", why)

    async def _release(self, entry: Entry) -> None:
        try:
            async with asyncio.timeout(WITHIN):
                await asyncio.shield(self._inbox.release(entry))
        except (InboxError, TimeoutError) as error:  # it runs out by itself
            log.warning("a claim is not released: %s", str(error) or "the inbox takes too long")

    async def _renew(self) -> None:
        while True:
            if self._held:
                await _kept_up(self._inbox.renew(tuple(self._held)))
            await asyncio.sleep(RENEW_EVERY)

    async def _forget(self) -> None:
        while True:
            forgotten = await _kept_up(self._inbox.prune(self._retention)) or 0
            # At once where there may be more: a busy worker keeps more answers than one commit of
            # a round forgets.
            await asyncio.sleep(0.0 if forgotten >= FORGET else PRUNE_EVERY)


@asynccontextmanager
async def _within() -> AsyncIterator[None]:
    """Raise InboxError for what takes the store too long."""
    try:
        async with asyncio.timeout(WITHIN):
            yield
    except TimeoutError as error:
        raise InboxError("it takes too long") from error


class _Bounded:
    """A transaction whose beginning and end are bounded; the work between has its own limit."""

    def __init__(self, transaction: AbstractAsyncContextManager[Transaction]) -> None:
        self._transaction = transaction

    async def __aenter__(self) -> Transaction:
        async with _within():
            return await self._transaction.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        # A commit that is not answered may have been done: the message waits, and its next claim
        # says so.
        async with _within():
            return await self._transaction.__aexit__(kind, error, trace)


async def _kept_up(upkeep: Awaitable[T]) -> T | None:
    """Return what comes of it, or None where it fails: the next round tries again."""
    try:
        async with asyncio.timeout(WITHIN):
            return await upkeep
    except (InboxError, TimeoutError) as error:
        log.warning("the inbox is not kept in order: %s", str(error) or "it takes too long")
        return None


def _tell_end(task: asyncio.Task[None]) -> None:
    """Say that upkeep ended by itself: claims run out while their work goes on, or rows stay."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the inbox is not kept in order any more (%s)", type(error).__name__)
        log.debug("upkeep of the inbox", exc_info=error)


def _kept(answer: Answer | None) -> Kept:
    return Kept() if answer is None else Kept(answer.message_type, answer.body)
