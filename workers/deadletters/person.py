"""Who works at the bench, what they may see, and how they judge."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from workers.deadletters.masking import Masking
from workers.deadletters.replaying import destination

if TYPE_CHECKING:
    from workers.deadletters.foresight import Foreseen, Foresight
    from workers.deadletters.letter import Letter, Summary
    from workers.link.desk import Desk

NOTHING_HIDDEN: Final = Masking()


def this_person() -> str:
    """Return who works here, as the system knows: `ada@host`."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname().split('.')[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who works, what they may see, and how they judge."""

    #: The person, for the history: a system's or a console's user.
    who: str = field(default_factory=this_person)
    masking: Masking = NOTHING_HIDDEN
    #: Judges what a replay would do now; None where no processors are known.
    foresight: Foresight | None = None
    #: Where letters go that do not say where they came from, or that should go elsewhere.
    to: str = ""

    def destination(self, letter: Summary, desk: Desk) -> str:
        """Return the queue a replay goes to; empty where nobody knows."""
        if self.to or desk.foreign:
            return self.to
        return destination(letter, desk.names, desk.group)

    def foresee(self, letter: Letter, desk: Desk, *, body: bytes | None = None) -> Foreseen | None:
        """Return what would become of a letter now; None where nobody can tell.

        With `body` of the letter with another one, whose `••••` are what they were.
        """
        if self.foresight is None:
            return None
        restored = None if body is None else self.masking.restore(body, letter.body)
        return self.foresight.letter(letter, self.destination(letter, desk), body=restored)
