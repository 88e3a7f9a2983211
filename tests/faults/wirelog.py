"""The order of things on the wire, and whether an ack came before its consequence. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

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


def acked_too_early(events: Iterable[Event]) -> list[str]:
    """Return the ids whose delivery was acked before a publish for them had been confirmed.

    Each delivery needs a consequence of its own: an earlier one's does not count.
    """
    held: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    sent: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    settled: set[str] = set()
    early: list[str] = []
    for event in events:
        match event.kind:
            case "deliver":
                held[event.line][event.tag] = event.id
                settled.discard(event.id)
            case "publish":
                sent[event.line][event.tag] = event.id
            case "confirm":
                settled.update(_taken(sent[event.line], event))
            case "refuse":
                _taken(sent[event.line], event)
            case "nack":
                _taken(held[event.line], event)
            case "ack":
                early += [told for told in _taken(held[event.line], event) if told not in settled]
    return early


def _taken(outstanding: dict[int, str], event: Event) -> list[str]:
    """Take what an event answers for out of what is outstanding."""
    if not event.multiple:
        told = outstanding.pop(event.tag, None)
        return [] if told is None else [told]
    tags = [tag for tag in outstanding if tag <= event.tag]
    return [outstanding.pop(tag) for tag in tags]
