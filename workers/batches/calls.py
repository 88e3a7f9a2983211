"""A batch of calls in one delivery: each comes to its own end, and they are answered together.

What is done is not done again when another call of the batch is tried later: the copy that waits
for it holds the responses so far in the places of their calls.

What an inbox knows a call without an id by is the batch's message id and the call's bytes. Of calls
that are the same to the byte it could not tell the second from a duplicate of the first, nor, where
they are counted, what is left of them in a copy. So no message id stands for those.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from messages.json_rpc import CONTENT_TYPE, Call, batch_body, is_response, read_call
from workers import headers
from workers.outcome import Batched, End, Requeued, Retried, Subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from workers.around.limits import TimeLimit
    from workers.outcome import (
        Answer,
        DeadLettered,
        Delivery,
        Expired,
        Outcome,
        Properties,
        Replied,
    )
    from workers.request import Request

    Attempt = Callable[[Request, TimeLimit], Awaitable[Outcome]]

#: Bytes around the responses of an array, and between two of them.
_BRACKETS: Final = 2
_COMMA: Final = 1
#: Calls done in a row before the rest of the loop has a turn.
TURN: Final = 64


class Most(NamedTuple):
    """How many bytes there may be."""

    #: In a copy of the batch.
    copy: int
    #: In an answer.
    answer: int


class BatchRun:
    """One attempt at a batch.

    `answer` puts an array of responses where the batch's properties say. What does not fit into one
    answer comes in several, each an array.
    """

    def __init__(
        self,
        request: Request,
        calls: Sequence[bytes],
        answer: Callable[[Properties, bytes], Answer | None],
        *,
        most: Most,
    ) -> None:
        self._request = request
        self._parts = calls
        self._write = answer
        self._most = most
        # Responses among the calls are ours only in a copy that we have made.
        self._tried = request.past.is_copy
        self._read = [read_call(part) for part in calls]
        unnamed = Counter(
            part for part, call in zip(calls, self._read, strict=True) if call.id is None
        )
        #: Calls without an id that stand here more than once, byte for byte.
        self._alike = {part for part, times in unnamed.items() if times > 1}
        properties = request.delivery.properties
        self._properties = properties._replace(
            content_type=CONTENT_TYPE,
            reply_to=properties.reply_to or _address(self._read),
        )
        self._ends: list[End] = []
        #: Response or call of each place that has one, in the order of the calls.
        self._places: list[bytes] = []
        self._responses: list[bytes] = []
        self._waiting: list[Retried] = []

    async def run(self, attempt: Attempt, limit: TimeLimit) -> Outcome:
        """Do the calls one after another, in their order; raises nothing."""
        try:
            for number, (part, call) in enumerate(zip(self._parts, self._read, strict=True), 1):
                if self._tried and is_response(part):
                    self._places.append(part)
                    self._responses.append(part)
                    continue
                member = self._request.delivery._replace(body=part, properties=self._properties)
                asked = self._request.but(delivery=member, call=call)
                if part in self._alike:
                    asked = _nameless(asked)
                outcome = await attempt(asked, limit)
                if not self._take(asked.delivery, outcome):
                    return _requeued(outcome)
                if number % TURN == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            if not limit.leaving:
                raise
            return _requeued()
        return self._outcome()

    def _take(self, member: Delivery, outcome: Outcome) -> bool:
        """Note what became of a call; False where it was given back, and so the whole is."""
        if isinstance(outcome, Requeued | Batched):
            return False
        if isinstance(outcome, Retried):
            self._waiting.append(outcome)
            self._places.append(member.body)
            return True
        self._ends.append(End(member, _unanswered(outcome)))
        if outcome.answer is not None:
            self._places.append(outcome.answer.body)
            self._responses.append(outcome.answer.body)
        return True

    def _outcome(self) -> Batched:
        subject = Subject("json_rpc_batch")
        ends = tuple(self._ends)
        answer: Answer | None = None
        others: tuple[Answer, ...] = ()
        if not self._waiting:
            answer, others = self._answers()
            return Batched(subject, ends, answer, answers=others)
        whole = batch_body(self._places)
        if len(whole) > self._most.copy:  # it would be refused: what is done is answered now
            answer, others = self._answers()
            done = set(map(id, self._responses))
            whole = batch_body(place for place in self._places if id(place) not in done)
        rest = self._request.delivery._replace(body=whole, properties=self._properties)
        return Batched(subject, ends, answer, End(rest, _together(self._waiting)), others)

    def _answers(self) -> tuple[Answer | None, tuple[Answer, ...]]:
        """Return all responses as an answer, and what does not fit into it as others."""
        arrays: list[list[bytes]] = []
        room = 0
        for response in self._responses:
            room -= len(response) + _COMMA
            if room < 0:
                arrays.append([])
                room = self._most.answer - _BRACKETS - len(response)
            arrays[-1].append(response)
        written = (self._write(self._properties, batch_body(one)) for one in arrays)
        told = tuple(answer for answer in written if answer is not None)
        return (told[0], told[1:]) if told else (None, ())


def _nameless(asked: Request) -> Request:
    """Return a call that no message id stands for, neither now nor when its letter is replayed."""
    properties = asked.delivery.properties
    told = {name: it for name, it in properties.headers.items() if name != headers.MESSAGE_ID}
    alone = properties._replace(message_id=None, headers=told)
    return asked.but(
        delivery=asked.delivery._replace(properties=alone),
        past=asked.past._replace(message_id=None),
    )


def _unanswered(
    outcome: Replied | DeadLettered | Expired,
) -> Replied | DeadLettered | Expired:
    return outcome._replace(answer=None)


def _together(waiting: Sequence[Retried]) -> Retried:
    """Return the one wait of all that wait: as long as the longest, for the one most often tried.

    What was put off has made no attempt, and must not hide those of a call that failed beside it:
    that one would be tried for ever.
    """
    longest = max(waiting, key=_wait)
    tried = max(waiting, key=lambda one: (one.attempt, _wait(one)))
    return tried._replace(delay=longest.delay, held=all(one.held for one in waiting))


def _wait(retried: Retried) -> float:
    return 0.0 if retried.delay is None else retried.delay.seconds


def _address(calls: list[Call]) -> str | None:
    """Return the one address a batch is answered at where its properties name none."""
    named: Any = next((call.facts["reply_to"] for call in calls if "reply_to" in call.facts), None)
    return named if isinstance(named, str) else None


def _requeued(because: Outcome | None = None) -> Requeued:
    why = because.reason if isinstance(because, Requeued) else "the worker is leaving"
    return Requeued(Subject("json_rpc_batch"), why)
