"""Whether all replicas of a group take the same types, by their heartbeats. Pure.

They share the group's queues, and the broker gives each message to any one of them: a type that one
of them lacks is dead-lettered by it, and answered by the others.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.counting import some
from workers.doctor.finding import Finding, note
from workers.presence.heartbeat import MOST_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from workers.presence.roster import Replica

#: What heartbeats name the types by, and what people call one of them.
_KINDS: Final = {"accepts": "message type", "tasks": "task type"}


class Lack(NamedTuple):
    """A type that some replicas of a group take and others do not."""

    #: Those who do not.
    replicas: tuple[str, ...]
    kind: str
    name: str


def types(present: Sequence[Replica]) -> Iterator[Finding]:
    """Tell of each group whose serving replicas take different types."""
    groups: dict[str, list[Replica]] = defaultdict(list)
    for one in present:
        if one.state == "serving":
            groups[one.told("group")].append(one)
    for group, replicas in sorted(groups.items()):
        found = [lack for told in _KINDS for lack in lacks(told, replicas)]
        if found:
            yield _differ(group, len(replicas), found)


def lacks(told: str, replicas: Sequence[Replica]) -> Iterator[Lack]:
    """Yield the types that some of these replicas take and others do not, by name."""
    taken = {one.agent.agent_id: _told(one, told) for one in replicas}
    known = {who: names for who, names in taken.items() if names is not None}
    for name in sorted(set().union(*known.values())):
        without = tuple(who for who, names in known.items() if _surely_lacks(names, name))
        if without:
            yield Lack(without, _KINDS[told], name)


def _differ(group: str, replicas: int, found: Iterable[Lack]) -> Finding:
    alike: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for one in found:
        alike[one.replicas, one.kind].append(one.name)
    which = [
        f"{len(who)} of {replicas} ({some(who)}) {'lacks' if len(who) == 1 else 'lack'} "
        f"the {kind if len(names) == 1 else f'{kind}s'} {some(names)}"
        for (who, kind), names in alike.items()
    ]
    return note(
        f"types.{group}",
        f"replicas of the group {group} take different types: {some(which, '; ')}. "
        "Whichever gets a message of a type it lacks dead-letters it",
        "run the same code in all replicas of a group; other work goes to another group, with "
        "bindings of its own ([groups.NAME], then --group NAME or LEVERET_GROUP); publish a new "
        "type once all replicas take it",
    )


def _told(one: Replica, what: str) -> frozenset[str] | None:
    """Return the types that a replica tells; None where it tells none, as other programs do not."""
    told = one.types(what)
    return None if told is None else frozenset(told)


def _surely_lacks(known: frozenset[str], name: str) -> bool:
    """Whether a type is not taken, and not only beyond the end of what a heartbeat tells."""
    return name not in known and (len(known) < MOST_TYPES or name < max(known))
