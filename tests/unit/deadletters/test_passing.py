"""What an action does with the queue's letters, one after the other: each has one consequence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import Desk, Reader, Verb
from workers.deadletters.closing import Closing
from workers.deadletters.course import Course
from workers.deadletters.notes import NOTE, Action
from workers.deadletters.passing import Passing, Table
from workers.deadletters.returning import Returns
from workers.deadletters.tasks import AT_ONCE, Task
from workers.outcome import Delivery, Properties
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.link.scan import Scan
    from workers.link.sender import Sender
    from workers.publication import Publication

NAMES = Names()
DESK = Desk(amqp_url="amqp://guest@host", names=NAMES, group="default")
READER = Reader(NAMES, "guest")


class Queue:
    """A queue of letters whose broker sends so many at once, and takes what is published."""

    def __init__(
        self, *ids: str, at_once: int = 100, fate: Published = Published.CONFIRMED
    ) -> None:
        self.letters = [self._letter(one, tag) for tag, one in enumerate(ids)]
        self._at_once = at_once
        self._fate = fate
        self.complete = False
        self.ended = ""
        self.sent: list[str] = []

    @property
    def left(self) -> list[str]:
        """The ids of the letters that lie there."""
        return [READER.id(one) for one in self.letters]

    async def read(
        self,
        take: Callable[[Delivery], None],
        *,
        at_once: int = 0,
        go_on: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Show the letters, some at once."""
        waiting = list(self.letters)
        self.complete = not waiting
        while waiting:
            for one in waiting[: self._at_once]:
                take(one)
            del waiting[: self._at_once]
            self.complete = not waiting
            if go_on is not None and not await go_on():
                return

    def ack(self, delivery: Delivery) -> bool:
        """Remove a letter."""
        self.letters = [one for one in self.letters if one.tag != delivery.tag]
        return True

    async def give_back(self) -> None:
        """Give back what is held."""

    async def depth(self) -> int:
        """Return how many there are."""
        return len(self.letters)

    def post(self, message: Publication, done: Callable[[Published], None]) -> None:
        """Take a note, or a letter's message."""
        if message.type == NOTE:
            done(Published.CONFIRMED)
            return
        self.sent.append(str(message.headers[h.REPLAY_OF]))
        done(self._fate)

    async def idle(self) -> None:
        """Return at once."""

    def _letter(self, letter_id: str, tag: int) -> Delivery:
        headers = {h.ID: letter_id, h.ERROR_CODE: "rejected", h.FINGERPRINT: "f"}
        place = DESK.queue
        return Delivery(b"{}", Properties(headers=headers), NAMES.dead, place, place, tag=tag)


async def passed(
    queue: Queue, *ids: str, verb: Verb = Verb.REPLAY, before: str = "", copies: bool = False
) -> Passing:
    """Pass through the queue for letters; `before` is one that an interrupted run has sent."""
    action = Action(desk=DESK, run="run", verb=verb, who="ada")
    course = Course()
    returns = Returns(action, READER, course)
    sender, scan = cast("Sender", queue), cast("Scan", queue)
    closing = Closing(
        action, removing=queue, sending=queue, now=lambda: datetime(2026, 5, 1, tzinfo=UTC)
    )
    told: dict[str, Any] = {"kept": {}, "canaries": {}, "bodies": {}, "queues": ("work",)}
    task = Task(
        kinds=dict.fromkeys(ids, "f"), largest=2, pace=AT_ONCE, destination=lambda _: "work", **told
    )
    table = Table(verb, scan, sender, closing, returns, course, READER)
    passing = Passing(table, task, {before: "other"} if before else {}, copies=copies)
    await passing.go(set(ids), tidy=True)
    return passing


@pytest.mark.parametrize("verb", [Verb.REPLAY, Verb.DISCARD])
@pytest.mark.parametrize("at_once", [100, 1])
async def test_a_copy_of_a_letter_goes_with_it(verb: Verb, at_once: int) -> None:
    """A worker whose confirm was lost wrote it twice; the second was found, and sent, later on."""
    queue = Queue("aaaaaa", "aaaaaa", "bbbbbb", at_once=at_once)
    passing = await passed(queue, "aaaaaa", verb=verb, copies=True)
    assert queue.left == ["bbbbbb"]
    assert queue.sent == (["aaaaaa"] if verb is Verb.REPLAY else [])
    assert passing.finished == 0
    assert not passing.more_copies


async def test_a_copy_that_lies_further_on_is_looked_for_where_there_are_some() -> None:
    """The queue has then more letters than different ones, as the last look says."""
    for copies, left in ((True, ["bbbbbb"]), (False, ["bbbbbb", "aaaaaa"])):
        queue = Queue("aaaaaa", "bbbbbb", "aaaaaa", at_once=1)
        passing = await passed(queue, "aaaaaa", copies=copies)
        assert (queue.left, queue.sent) == (left, ["aaaaaa"])
        assert not passing.more_copies


@pytest.mark.parametrize("fate", [Published.REFUSED, Published.UNKNOWN])
async def test_a_copy_of_a_letter_that_stays_stays_too(fate: Published) -> None:
    """Nothing was done with it, so nothing is removed."""
    queue = Queue("aaaaaa", "aaaaaa", fate=fate)
    await passed(queue, "aaaaaa")
    assert queue.left == ["aaaaaa", "aaaaaa"]
    assert queue.sent == ["aaaaaa"]


async def test_a_copy_of_what_an_interrupted_run_has_sent_is_not_sent() -> None:
    """Also where somebody said yes to it before that run."""
    queue = Queue("aaaaaa", "aaaaaa", "bbbbbb")
    passing = await passed(queue, "aaaaaa", "bbbbbb", before="aaaaaa")
    assert (queue.left, queue.sent) == ([], ["bbbbbb"])
    assert passing.finished == 1
