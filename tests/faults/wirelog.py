"""The order of things on the wire, and whether an ack came before its consequence. Pure."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable


class Event(NamedTuple):
    """One frame of interest, in the order in which the proxy let it pass.

    `kind`: `deliver`, `ack`, `nack` (the worker's), `publish`, `confirm`, `refuse` (the broker's).
    `line` tells the connection and channel apart; `id` is the correlation id where there is one.
    """

    kind: str
    line: tuple[int, int]
    tag: int
    multiple: bool = False
    id: str = ""


class _Passed(NamedTuple):
    """A delivery or a publish: whose, and when in the order of events."""

    id: str
    at: int


#: Connection and channel → tag → what is not settled, or not confirmed.
_Outstanding: TypeAlias = dict[tuple[int, int], dict[int, _Passed]]


def acked_too_early(events: Iterable[Event]) -> list[str]:
    """Return the ids whose delivery was acked before a publish for them had been confirmed.

    Each ack needs a confirmed publish of its own, which left after the delivery had come: what was
    done about an earlier delivery does not count. A message may be under way twice, and its retry
    copy come back before the ack of the first delivery has passed; so it is publishes that are
    counted off against acks, not ids that are done.
    """
    held: _Outstanding = defaultdict(dict)
    sent: _Outstanding = defaultdict(dict)
    #: Id → when each confirmed publish left that stands for no ack yet, in order.
    done: dict[str, list[int]] = defaultdict(list)
    early: list[str] = []
    for at, event in enumerate(events):
        match event.kind:
            case "deliver":
                held[event.line][event.tag] = _Passed(event.id, at)
            case "publish":
                sent[event.line][event.tag] = _Passed(event.id, at)
            case "confirm":
                for publish in _taken(sent[event.line], event):
                    insort(done[publish.id], publish.at)
            case "refuse":
                _taken(sent[event.line], event)
            case "nack":
                _taken(held[event.line], event)
            case "ack":
                early += [
                    delivery.id
                    for delivery in _taken(held[event.line], event)
                    if not _counted_off(done[delivery.id], delivery.at)
                ]
    return early


def _counted_off(done: list[int], after: int) -> bool:
    """Take the earliest publish after a delivery, or give False: there is none.

    The earliest, for a later delivery may need a later one.
    """
    place = bisect_right(done, after)
    if place == len(done):
        return False
    del done[place]
    return True


def _taken(outstanding: dict[int, _Passed], event: Event) -> list[_Passed]:
    """Take what an event answers for out of what is outstanding."""
    if not event.multiple:
        told = outstanding.pop(event.tag, None)
        return [] if told is None else [told]
    tags = [tag for tag in outstanding if tag <= event.tag]
    return [outstanding.pop(tag) for tag in tags]
