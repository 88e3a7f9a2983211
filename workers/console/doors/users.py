"""Who may enter: `name:role:hash`, from a setting or from a file, a line each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from workers.console.doors.passwords import Unusable, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workers.settings import Settings

#: What somebody may be called.
NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}", re.ASCII)
#: Bytes of a users' file; a thousand people fit in.
LONGEST_FILE: Final = 2**17


class ConsoleRefused(Exception):
    """The console will not open like this; the message says what to do."""


class Role(StrEnum):
    """What somebody may do: look, or look and act."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a password."""

    name: str
    role: Role
    #: What the password was made into.
    made: str


def users_of(settings: Settings) -> Mapping[str, User]:
    """Return who may enter, by name; raises ConsoleRefused for what cannot be read."""
    lines = [("LEVERET_CONSOLE_USERS", line) for line in settings.console_users]
    path = settings.console_users_file
    if path is not None:
        try:
            text = path.read_bytes()[:LONGEST_FILE].decode()
        except (OSError, UnicodeDecodeError) as error:
            raise ConsoleRefused(
                f"the users' file {path} cannot be read ({error}); repair it, or unset "
                "LEVERET_CONSOLE_USERS_FILE",
            ) from error
        lines += [
            (f"{path}, line {number}", line.strip())
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
    return _parsed(lines)


def _parsed(lines: Iterable[tuple[str, str]]) -> Mapping[str, User]:
    users: dict[str, User] = {}
    for place, line in lines:
        name, _, rest = line.partition(":")
        role, _, made = rest.partition(":")
        try:
            user = User(name, Role(role.lower()), made.strip())
            parsed(user.made)
        except (ValueError, Unusable) as error:
            raise ConsoleRefused(
                f"{place}: write name:viewer:HASH or name:operator:HASH as "
                "`leveret console user NAME` prints it",
            ) from error
        if NAME.fullmatch(name) is None or name in users:
            raise ConsoleRefused(
                f"{place}: a name is 1 to 64 letters, digits, '_', '.', '@' or '-', and stands "
                "there once",
            )
        users[name] = user
    return users
