"""Every AMQP name of the project, spelled here and nowhere else, under one prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from topology.errors import NameRefused

if TYPE_CHECKING:
    from topology.delay import Delay

#: Ends the name of an urgent queue and the routing keys that lead there.
URGENT: Final = "urgent"
#: Names the journal stream, and begins its keys on the dead-letter exchange; so no group may have
#: it.
JOURNAL: Final = "journal"
#: Bytes: AMQP carries names and routing keys as short strings.
LONGEST_NAME: Final = 255

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_AGENT: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Names:
    """The names under one prefix; raises `NameRefused` for a prefix the broker would not take."""

    prefix: str = "leveret"

    def __post_init__(self) -> None:
        _checked(self.prefix, "prefix")
        if self.prefix == "amq" or self.prefix.startswith("amq."):
            raise NameRefused(
                f"the prefix {self.prefix!r} belongs to the broker: take one outside `amq.`"
            )

    @property
    def requests(self) -> str:
        """The topic exchange that work is published to."""
        return self._under("requests")

    @property
    def replies(self) -> str:
        """The topic exchange that leads to agents' mailboxes."""
        return self._under("replies")

    @property
    def dead(self) -> str:
        """The topic exchange that tells of dead letters: all of it is kept in the journal.

        What the broker itself gives up comes by it to the group's queue as well. A worker's letter
        does not: it is published straight to that queue, so that nobody else's binding can stand
        for a queue that is gone.
        """
        return self._under("dead")

    @property
    def heartbeats(self) -> str:
        """The fanout exchange on which replicas say that they are there."""
        return self._under("heartbeats")

    @property
    def control(self) -> str:
        """The fanout exchange on which operators speak to all replicas."""
        return self._under("control")

    @property
    def works(self) -> str:
        """What the names of all work queues begin with, before a dot."""
        return self._under("work")

    @property
    def retries(self) -> str:
        """What the names of all rungs begin with, before a dot."""
        return self._under("retry")

    @property
    def journal(self) -> str:
        """The stream that keeps every dead letter, replay and discard as history."""
        return self._under("dead", JOURNAL)

    @property
    def journal_key(self) -> str:
        """The routing key on `dead` that leads to the journal and to no group's queue."""
        return JOURNAL

    def work(self, group: str) -> str:
        """Return the queue of a group's ordinary work."""
        return self._under("work", checked_group(group))

    def urgent(self, group: str) -> str:
        """Return the queue of a group's urgent work, consumed beside the ordinary one."""
        return self._under("work", checked_group(group), URGENT)

    def dead_key(self, group: str) -> str:
        """Return the routing key on `dead` for what the broker itself gives up of a group."""
        return checked_group(group)

    def history_key(self, group: str) -> str:
        """Return the routing key on `dead` for the journal's copy of a group's dead letter.

        No group's queue is bound by it, for no group has a colon in its name.
        """
        return f"{JOURNAL}:{checked_group(group)}"

    def letter_keys(self, group: str) -> frozenset[str]:
        """Return the routing keys by which the journal tells a group's dead letters.

        By the group alone came those of older workers, and come the broker's own.
        """
        return frozenset({self.dead_key(group), self.history_key(group)})

    def dead_queue(self, group: str) -> str:
        """Return the queue of a group's dead letters that are still open."""
        return self._under("dead", checked_group(group))

    def group_of(self, queue: str) -> str | None:
        """Return the group whose work, urgent work or dead letters a queue holds; None if none's.

        The journal is nobody's alone.
        """
        if queue.startswith(f"{self.works}."):
            return queue.removeprefix(f"{self.works}.").removesuffix(f".{URGENT}") or None
        if queue.startswith(f"{self.dead}.") and queue != self.journal:
            return queue.removeprefix(f"{self.dead}.") or None
        return None

    def retry(self, delay: Delay) -> str:
        """Return the name of one rung's exchange and of its queue.

        Publish a retry copy to this exchange with the *name of the queue it came from* as routing
        key: it comes back to that queue and to no other group.
        """
        return self._under("retry", str(delay))

    def control_queue(self, replica: str) -> str:
        """Return the exclusive queue in which one replica hears `control`."""
        return self._private("control", replica)

    def heartbeat_queue(self, reader: str) -> str:
        """Return the exclusive queue in which one reader hears `heartbeats`."""
        return self._private("heartbeats", reader)

    def mailbox(self, agent: str, mailbox: str) -> str:
        """Return the queue for answers to `agent://<agent>/<mailbox>`, which the agent declares."""
        key = self.mailbox_key(agent, mailbox)
        return _short(f"{self.replies}.{key.removeprefix('agent.')}")

    def mailbox_key(self, agent: str, mailbox: str) -> str:
        """Return the routing key on `replies` for `agent://<agent>/<mailbox>`.

        An agent id may hold dots and a mailbox none, so that no two addresses share a key.
        """
        if not is_agent_id(agent):
            raise NameRefused(
                f"the agent id {agent[:60]!r} cannot be addressed: "
                "use 1 to 128 letters, digits, '_', '-' or '.'"
            )
        return _short(f"agent.{agent}.{_word(mailbox, 'mailbox')}")

    def request_key(
        self, message_type: str, task_type: str | None = None, *, urgent: bool = False
    ) -> str:
        """Return the key on `requests` for a message: `<message_type>[.<task_type>][.urgent]`.

        Raises `NameRefused` for a type with dots, wildcards or spaces: it would be routed as
        something else, or nowhere.
        """
        words = [_word(message_type, "message type")]
        if task_type is not None:
            words.append(_word(task_type, "task type"))
        if urgent:
            words.append(URGENT)
        return ".".join(words)

    def owns(self, queue: str) -> bool:
        """Whether a queue is one of the project's own, so that no answer may ever be sent to it.

        Every name under the prefix is, also the ones of later versions; only mailboxes under
        `<prefix>.replies.` are the askers'.
        """
        if queue.startswith(f"{self.replies}."):
            return False
        return queue == self.prefix or queue.startswith(f"{self.prefix}.")

    def _under(self, *words: str) -> str:
        return ".".join((self.prefix, *words))

    def _private(self, kind: str, whose: str) -> str:
        if not is_agent_id(whose):
            raise NameRefused(
                f"{whose[:60]!r} cannot name a {kind} queue: "
                "use 1 to 128 letters, digits, '_', '-' or '.'"
            )
        return _short(self._under(kind, whose))


def is_agent_id(text: str) -> bool:
    """Whether an agent of this name can be addressed, and its queues named after it."""
    return _AGENT.fullmatch(text) is not None


def checked_group(group: str) -> str:
    """Return the group's name as it is; raises `NameRefused` if its queues would be another's."""
    _checked(group, "group")
    if group == JOURNAL:
        raise NameRefused(f"no group can be called {JOURNAL!r}: the history of dead letters is")
    if group.endswith(f".{URGENT}"):
        raise NameRefused(
            f"the group {group!r} would share the urgent queue of "
            f"{group.removesuffix(f'.{URGENT}')!r}: take a name that does not end in .{URGENT}"
        )
    return group


def _checked(name: str, what: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise NameRefused(
            f"the {what} {name[:80]!r} cannot name a queue: "
            "use 1 to 60 letters, digits, '_', '-' or '.'"
        )


def _word(word: str, what: str) -> str:
    if _WORD.fullmatch(word) is None:
        raise NameRefused(
            f"the {what} {word[:60]!r} cannot be a word of a routing key: "
            "use 1 to 100 letters, digits, '_' or '-'"
        )
    return word


def _short(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise NameRefused(
            f"{name[:60]!r}… is {len(name)} bytes long and AMQP takes {LONGEST_NAME}: "
            "shorten the prefix or the id in it"
        )
    return name
