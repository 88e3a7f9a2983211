"""The books of one run: what was sent and promised, what came of it, and whether all is over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import orjson
from faults.ledger import Reader
from faults.place import ANSWERS, NAMES, WAITING_ROOMS
from faults.reckoning import Evidence, Reckoning, Seen, reckon

from workers import headers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from faults.ledger import Page
    from faults.place import Place
    from faults.raw import Found

#: The ledger of requests that must each come to an end.
MAIN: Final = "ledger"


class Books:
    """Kept by the harness, never by those who are harmed."""

    def __init__(self, place: Place, directory: Path, run: int) -> None:
        self._place = place
        self._directory = directory
        self._run = run
        self._readers: dict[str, Reader] = {}
        self.answers: list[Seen] = []
        self.letters: list[Seen] = []
        #: The ids of those.
        self._ended: set[str] = set()

    def page(self, ledger: str = MAIN) -> Page:
        """Return what the publishers have written down."""
        return self._reader(ledger).page(self._run)

    def progress(self) -> int:
        """Return how many requests of the main ledger are confirmed so far."""
        return len(self._reader(MAIN).kept())

    def collect(self) -> None:
        """Take the answers and dead letters that are there."""
        answers, letters = self._seen(ANSWERS), self._seen(NAMES.dead_queue("default"))
        self.answers += answers
        self.letters += letters
        self._ended.update(one.id for one in (*answers, *letters))

    def are_balanced(self, page: Page) -> bool:
        """Whether every confirmed request has an end, and nothing waits for a worker."""
        self.collect()
        return page.confirmed <= self._ended and not any(
            self._place.look(room)[0] for room in WAITING_ROOMS
        )

    def reckon(self, page: Page, effects: Iterable[str]) -> Reckoning:
        """Return the figures; takes what still waits out of its queues."""
        self.collect()
        queued = {seen.id for room in WAITING_ROOMS for seen in self._seen(room)}
        others = self._directory.glob(f"{MAIN}-*")
        return reckon(
            Evidence(
                sent=page.sent.union(*(self.page(one.name).sent for one in others)),
                confirmed=page.confirmed,
                answers=tuple(self.answers),
                letters=tuple(self.letters),
                queued=frozenset(queued),
                effects=tuple(effects),
            )
        )

    def forget(self) -> None:
        """Begin anew, once all has come to its end."""
        self.answers.clear()
        self.letters.clear()
        self._ended.clear()
        self._readers.clear()
        path = self._directory / MAIN
        if path.exists():
            os.truncate(path, 0)

    def _reader(self, ledger: str) -> Reader:
        return self._readers.setdefault(ledger, Reader(self._directory / ledger))

    def _seen(self, queue: str) -> list[Seen]:
        return [seen_of(found) for found in self._place.take(queue)]


def seen_of(found: Found) -> Seen:
    """Return whose an answer or a letter is; the body knows best."""
    properties = found.properties
    code = properties.headers.get(headers.ERROR_CODE)
    body = _document(found.body)
    whose = body.get("correlation_id") or body.get("envelope_id") or properties.correlation_id
    mark = properties.headers.get(headers.ID) or properties.message_id
    return Seen(str(whose), str(mark), str(code or properties.type))


def _document(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
