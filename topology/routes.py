"""Which patterns lead to a group's two queues so that each message comes to exactly one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from topology.names import URGENT
from topology.patterns import checked_pattern, covers, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Routes:
    """The patterns of one group: `ordinary` lead to its work queue, `urgent` to the urgent one.

    No key matches a pattern of both.
    """

    ordinary: tuple[str, ...]
    urgent: tuple[str, ...]


def routes(patterns: Sequence[str]) -> Routes:
    """Return where the group's patterns and their urgent forms lead; no key goes to two queues.

    A topic exchange gives a message to every queue with a matching binding, and topic patterns
    cannot say "but not". So `P.urgent` may lead to the urgent queue only where no ordinary pattern
    of the group catches any of its keys: of the default `*` and `*.*`, the form `*.*.urgent` does,
    while `*.urgent` would be caught by `*.*` as well (it reads like a task type) and is left to the
    work queue. A form that is left there and only partly caught gets an ordinary binding of its
    own, so that no urgent message is unroutable; that binding can catch further forms, hence the
    repetition. Raises `NameRefused` for a pattern that cannot be bound.
    """
    ordinary = [checked_pattern(pattern) for pattern in dict.fromkeys(patterns)]
    urgent = [f"{pattern}.{URGENT}" for pattern in ordinary]
    while caught := [form for form in urgent if any(overlap(form, known) for known in ordinary)]:
        urgent = [form for form in urgent if form not in caught]
        ordinary += [form for form in caught if not any(covers(known, form) for known in ordinary)]
    return Routes(tuple(ordinary), tuple(urgent))
