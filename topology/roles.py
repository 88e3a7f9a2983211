"""What each role's broker user may do: the least that its work needs.

`configure` declares and deletes, `write` publishes and binds to, `read` consumes and binds from.
Topic permissions narrow `write` and `read` of a topic exchange to some routing keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from topology.errors import NameRefused
from topology.names import is_agent_id

if TYPE_CHECKING:
    from topology.names import Names

#: How permissions spell the default exchange, which reaches every queue by its name.
_DEFAULT_EXCHANGE: Final = "amq[.]default"
_NOTHING: Final = "^$"
#: A mailbox's name: one word of a routing key, without a wildcard.
_WORD: Final = "[A-Za-z0-9_-]+"


class Role(StrEnum):
    """Who connects to the broker."""

    TOPOLOGY = "topology"
    WORKER = "worker"
    PUBLISHER = "publisher"
    OPERATOR = "operator"
    MONITORING = "monitoring"


#: Roles that publish requests, and hear the answers.
_ASKING: Final = frozenset({Role.PUBLISHER, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Permissions:
    """Three regular expressions over names, in the broker's own words."""

    configure: str
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class TopicPermissions:
    """Two regular expressions over the routing keys of one topic exchange."""

    exchange: str
    write: str
    read: str


def user_of(role: Role, names: Names) -> str:
    """Return what a role's user is called unless it is given a name: `<prefix>.<role>`."""
    return f"{names.prefix}.{role}"


def permissions(role: Role, names: Names, user: str = "") -> Permissions:
    """Return what the role's user may do in the project's virtual host.

    Who asks for work hears answers at the address of the agent that is called like its `user`,
    `user_of(role, names)` by default. Raises `NameRefused` where no agent can be called so.
    """
    user = user or user_of(role, names)
    match role:
        case Role.TOPOLOGY:
            return _topology(names)
        case Role.WORKER:
            return _worker(names)
        case Role.PUBLISHER:
            return _publisher(names, _mailboxes(names, user))
        case Role.OPERATOR:
            return _operator(names, _mailboxes(names, user))
        case Role.MONITORING:
            # Figures come from the management API by the user's tag; no queue is ever opened.
            return Permissions(_NOTHING, _NOTHING, _NOTHING)
        case _:
            assert_never(role)


def topic_permissions(role: Role, names: Names, user: str = "") -> tuple[TopicPermissions, ...]:
    """Return the routing keys that the role's user is held to; exchanges not named are free.

    Without it one could bind a mailbox of its own to another agent's address, and read its answers.
    """
    if role not in _ASKING:
        return ()
    # Written out, though the broker knows {username}: it puts the name in unescaped, and a dot in
    # it would stand for any letter. No `#` or `*` either: they would match the addresses of agents
    # whose name begins with this one's and a dot.
    agent = _agent(user or user_of(role, names))
    own = f"^{re.escape(f'agent.{agent}.')}{_WORD}$"
    return (TopicPermissions(names.replies, write=_NOTHING, read=own),)


def tags(role: Role) -> tuple[str, ...]:
    """Return the role's tags, which open parts of the management API."""
    return ("monitoring",) if role is Role.MONITORING else ()


def _topology(names: Names) -> Permissions:
    # A queue that dead-letters asks for read on itself and write on where it dead-letters to.
    ours = _below(names.prefix)
    return Permissions(_any(ours), _any(ours, _DEFAULT_EXCHANGE), _any(ours))


def _worker(names: Names) -> Permissions:
    # Write on the default exchange: dead letters and answers to plain queues go through it.
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


def _publisher(names: Names, mailboxes: str) -> Permissions:
    # No default exchange: a publisher could forge retries and dead letters through it.
    return Permissions(
        configure=_any(mailboxes),
        write=_any(_only(names.requests), mailboxes),
        read=_any(_only(names.replies), mailboxes),
    )


def _operator(names: Names, mailboxes: str) -> Permissions:
    # A replay goes back by the default exchange to the one work queue that the letter came from.
    # Mailboxes of its own: at the console people ask for work too, and see the answer.
    own = (_below(names.control), _below(names.heartbeats), mailboxes)
    return Permissions(
        configure=_any(*own),
        write=_any(
            _only(names.requests),
            _only(names.dead),
            _only(names.control),
            *own,
            _DEFAULT_EXCHANGE,
        ),
        read=_any(
            _below(names.dead),
            _only(names.heartbeats),
            _only(names.control),
            _only(names.replies),
            *own,
        ),
    )


def _mailboxes(names: Names, user: str) -> str:
    """Only those of the agent of that name: others' could be read, removed or turned away."""
    return re.escape(f"{names.replies}.{_agent(user)}.") + _WORD


def _agent(user: str) -> str:
    if not is_agent_id(user):
        raise NameRefused(
            f"a user who asks for work cannot be called {user[:60]!r}, for its answers go to the "
            "agent of that name: use 1 to 128 letters, digits, '_', '-' or '.'"
        )
    return user


def _only(name: str) -> str:
    return re.escape(name)


def _below(name: str) -> str:
    return rf"{re.escape(name)}\..+"


def _any(*alternatives: str) -> str:
    return f"^({'|'.join(alternatives)})$"
