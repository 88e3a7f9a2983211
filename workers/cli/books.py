"""The books of `leveret dev`: every message published, and the one end it came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from workers import headers
from workers.counting import plural

if TYPE_CHECKING:
    from examples.load import Sample
    from workers.outcome import Delivery

#: Discrepancies told; the first ones say enough.
MOST_TOLD: Final = 10


@dataclass(slots=True)
class _Entry:
    sample: Sample
    answer: str = ""
    letter: str = ""
    surplus: list[str] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether all that must come of the sample has come."""
        wanted = self.sample.expected
        answered = self.answer or not wanted.answer
        return bool(answered and (self.letter or not wanted.error_code)) and bool(
            self.answer or self.letter,
        )

    def wrong(self) -> str:
        """Return what is not as expected, or nothing."""
        wanted = self.sample.expected
        if self.surplus:
            return f"{self.sample.kind}: came to more than one end: {', '.join(self.surplus)}"
        if (self.answer, self.letter) == (wanted.answer, wanted.error_code):
            return ""
        return (
            f"{self.sample.kind}: expected answer {wanted.answer or 'none'} and dead letter "
            f"{wanted.error_code or 'none'}, "
            f"got {self.answer or 'none'} and {self.letter or 'none'}"
        )


class Books:
    """Kept by the correlation id that answers and dead letters carry on."""

    def __init__(self) -> None:
        self._open: dict[str, _Entry] = {}
        self._ends: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._strangers = 0
        self.published = 0

    def entered(self, sample: Sample) -> None:
        """Note a sample that is about to be published."""
        self.published += 1
        self._open[sample.id] = _Entry(sample)

    def answered(self, delivery: Delivery) -> None:
        """Note an answer."""
        kind = delivery.properties.type or "?"
        entry = self._entry(delivery)
        if entry is None:
            return
        if entry.answer:
            entry.surplus.append(f"another answer {kind}")
        entry.answer = kind
        self._close(entry)

    def dead_lettered(self, delivery: Delivery) -> None:
        """Note a dead letter."""
        code = delivery.properties.headers.get(headers.ERROR_CODE)
        entry = self._entry(delivery)
        if entry is None:
            return
        if entry.letter:
            entry.surplus.append(f"another dead letter {code}")
        entry.letter = str(code)
        self._close(entry)

    @property
    def open(self) -> int:
        """How many samples have not come to their end."""
        return len(self._open)

    @property
    def balanced(self) -> bool:
        """Whether every sample came to the end that was expected of it, and to no other."""
        return not self._open and not self._wrong and not self._strangers

    def told(self, retried: int) -> dict[str, int]:
        """Return the books as they are printed."""
        return {
            "published": self.published,
            "replied": self._ends["replied"],
            "dead_lettered": self._ends["dead_lettered"],
            "retried": retried,
            "expired": self._ends["expired"],
            "lost": self.open,
        }

    def discrepancies(self) -> list[str]:
        """Return what is wrong, a line each, the first ones only."""
        lines = [
            *self._wrong,
            *(f"{entry.sample.kind}: no end yet" for entry in self._open.values()),
        ]
        if self._strangers:
            lines.append(
                plural(
                    self._strangers,
                    "answer or dead letter belongs to no message of this run: ",
                    "answers or dead letters belong to no message of this run: ",
                )
                + "others work under the same prefix on this broker, or one came twice; give this "
                "run a prefix of its own (--prefix), or a broker (without LEVERET_AMQP_URL)"
            )
        return lines[:MOST_TOLD]

    def _entry(self, delivery: Delivery) -> _Entry | None:
        entry = self._open.get(delivery.properties.correlation_id or "")
        if entry is None:
            self._strangers += 1
        return entry

    def _close(self, entry: _Entry) -> None:
        if not entry.closed:
            return
        del self._open[entry.sample.id]
        wrong = entry.wrong()
        if wrong:
            self._wrong.append(wrong)
        end = (
            "expired"
            if entry.letter == "expired"
            else "dead_lettered"
            if entry.letter
            else "replied"
        )
        self._ends[end] += 1
