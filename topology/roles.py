"""What each role's broker user may do: the least that its work needs.

`configure` declares and deletes, `write` publishes and binds to, `read` consumes and binds from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

if TYPE_CHECKING:
    from topology.names import Names

#: How permissions spell the default exchange, which reaches every queue by its name.
_DEFAULT_EXCHANGE: Final = "amq[.]default"
_NOTHING: Final = "^$"


class Role(StrEnum):
    """Who connects to the broker."""

    TOPOLOGY = "topology"
    WORKER = "worker"
    PUBLISHER = "publisher"
    OPERATOR = "operator"
    MONITORING = "monitoring"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Three regular expressions over names, in the broker's own words."""

    configure: str
    write: str
    read: str


def permissions(role: Role, names: Names) -> Permissions:
    """Return what the role's user may do in the project's virtual host."""
    match role:
        case Role.TOPOLOGY:
            return _topology(names)
        case Role.WORKER:
            return _worker(names)
        case Role.PUBLISHER:
            return _publisher(names)
        case Role.OPERATOR:
            return _operator(names)
        case Role.MONITORING:
            # Figures come from the management API by the user's tag; no queue is ever opened.
            return Permissions(_NOTHING, _NOTHING, _NOTHING)
        case _:
            assert_never(role)


def tags(role: Role) -> tuple[str, ...]:
    """Return the role's tags, which open parts of the management API."""
    return ("monitoring",) if role is Role.MONITORING else ()


def _topology(names: Names) -> Permissions:
    # A queue that dead-letters asks for read on itself and write on where it dead-letters to.
    ours = _below(names.prefix)
    return Permissions(_any(ours), _any(ours, _DEFAULT_EXCHANGE), _any(ours))


def _worker(names: Names) -> Permissions:
    # Write on the default exchange: answers to plain queues go through it.
    # Its own queues below control are where it hears operators; heartbeats it only sends.
    own = _below(names.control)
    return Permissions(
        configure=_any(own),
        write=_any(
            _only(names.dead),
            _only(names.replies),
            _only(names.heartbeats),
            _below(names.retries),
            own,
            _DEFAULT_EXCHANGE,
        ),
        read=_any(_below(names.works), _only(names.control), own),
    )


def _publisher(names: Names) -> Permissions:
    # No default exchange: a publisher could forge retries and dead letters through it.
    mailboxes = _below(names.replies)
    return Permissions(
        configure=_any(mailboxes),
        write=_any(_only(names.requests), mailboxes),
        read=_any(_only(names.replies), mailboxes),
    )


def _operator(names: Names) -> Permissions:
    # A replay goes back by the default exchange to the one work queue that the letter came from.
    own = (_below(names.control), _below(names.heartbeats))
    return Permissions(
        configure=_any(*own),
        write=_any(
            _only(names.requests),
            _only(names.dead),
            _only(names.control),
            *own,
            _DEFAULT_EXCHANGE,
        ),
        read=_any(_below(names.dead), _only(names.heartbeats), _only(names.control), *own),
    )


def _only(name: str) -> str:
    return re.escape(name)


def _below(name: str) -> str:
    return rf"{re.escape(name)}\..+"


def _any(*alternatives: str) -> str:
    return f"^({'|'.join(alternatives)})$"
