"""Answers as they come in for what was published: printed at once, counted, waited for."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from workers.answering.reading import not_done
from workers.cli.say import write

if TYPE_CHECKING:
    from workers.outcome import Delivery


class Answers:
    """Takes each answer once; what nobody waits for, a second copy for instance, is left alone."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._missing: Counter[str] = Counter()
        self._all_here = asyncio.Event()
        self._all_here.set()
        self.errors = 0
        self._unread = False

    def await_one(self, correlation_id: str) -> None:
        """Count on an answer that will carry this id."""
        self._missing[correlation_id] += 1
        self._all_here.clear()

    def forget(self, correlation_id: str) -> None:
        """Count on one answer less: its message did not get anywhere."""
        self._missing[correlation_id] -= 1
        self._note()

    @property
    def missing(self) -> list[str]:
        """The ids of answers that have not come."""
        return sorted(self._missing.elements())

    async def all_here(self) -> None:
        """Return when nothing is missing; raises BrokenPipeError when nobody reads any more."""
        await self._all_here.wait()
        if self._unread:
            raise BrokenPipeError

    def heard(self, delivery: Delivery) -> None:
        """Take what came to our mailbox."""
        told = delivery.properties.correlation_id or ""
        if self._missing[told] <= 0:
            del self._missing[told]
            return
        self._missing[told] -= 1
        answer = _read(delivery.body)
        if is_error(answer):
            self.errors += 1
        try:
            _print(answer, pretty=not self._json)
        except BrokenPipeError:  # told to who waits: the line that brought the answer goes on
            self._unread = True
            self._all_here.set()
        self._note()

    def _note(self) -> None:
        self._missing = +self._missing
        if not self._missing:
            self._all_here.set()


def is_error(answer: Any) -> bool:
    """Whether an answer, or one of a JSON-RPC batch, says that the message was not done."""
    if isinstance(answer, list):
        return any(map(is_error, answer))
    return not_done(answer) is not None


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return {"message_type": "error", "not_json": body.decode("utf-8", "replace")}


def _print(answer: Any, *, pretty: bool) -> None:
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if pretty else 0)
    write(orjson.dumps(answer, option=options))
