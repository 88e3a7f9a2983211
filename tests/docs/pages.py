"""Reads a page of documentation as the steps its reader would take: files to write, lines to type.

- a `python`, `toml` or `json` block that begins with a comment naming a file (`# images.py`) is
  that file, or more of it: a second block with the same name is added to it;
- a `console` block is typed line by line: what follows `$ ` runs in a shell, the lines below are
  what must come of it (`…` stands for anything). `export NAME=value` and `cd somewhere` hold for
  the lines after them; `# exits 1` behind a command is the exit code it must have;
- a command that ends in `&` runs until the page ends, or until the page ends it. The reader goes on
  when it has written what stands below it, and it must end with exit code 0; `wait` is for its end;
- a comment `<!-- not run: why -->` before a block leaves it out, and says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A page with this line is followed to the letter; the others have tests of their own.
FOLLOWED: Final = "<!-- every command on this page is run by tests/docs -->"

_BLOCK: Final = re.compile(
    r"(?:<!-- not run: (?P<why>[^\n]*?) -->\n+)?```(?P<kind>\w+)\n(?P<text>.*?)\n```",
    re.DOTALL,
)
_FILE: Final = re.compile(r"(?:#|//) (?P<name>[\w./-]+\.(?:py|toml|json|jsonl|yml|env|c))\s*$")
_EXITS: Final = re.compile(r"\s+# exits (?P<code>\d+)$")


@dataclass(frozen=True, slots=True)
class Write:
    """A file to write."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Type:
    """A line to type, and what must come of it."""

    command: str
    expected: str
    exit_code: int = 0

    @property
    def exported(self) -> tuple[str, str] | None:
        """The variable that it sets for what follows, and its value as the shell would read it."""
        name, equals, value = self.command.removeprefix("export ").partition("=")
        return (name, value) if equals and self.command.startswith("export ") else None

    @property
    def place(self) -> str | None:
        """The directory in which what follows is typed."""
        return self.command.removeprefix("cd ") if self.command.startswith("cd ") else None

    @property
    def in_background(self) -> bool:
        """Whether it goes on while the reader reads on."""
        return self.command.endswith("&")


Step: TypeAlias = Write | Type


def steps(page: Path) -> Iterator[Step]:
    """Yield what a reader of the page does, in order."""
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["why"] is not None:
            continue
        if block["kind"] == "console":
            yield from _typed(block["text"])
        else:
            first, _, rest = block["text"].partition("\n")
            named = _FILE.match(first)
            if named is not None:
                yield Write(named["name"], rest + "\n")


def matches(expected: str, found: str) -> bool:
    """Whether the output holds what the page shows, its `…` standing for anything."""
    pieces = [re.escape(piece.strip()) for piece in re.split(r"…", expected)]
    return re.search(r"(?s)" + r".*?".join(pieces), found) is not None


def _typed(text: str) -> Iterator[Type]:
    command, expected = "", []
    for line in [*text.splitlines(), "$ "]:
        if not line.startswith("$ "):
            if command.endswith("\\"):
                command = command[:-1] + line.strip()
            else:
                expected.append(line)
            continue
        if command:
            exits = _EXITS.search(command)
            code = int(exits["code"]) if exits else 0
            yield Type(_EXITS.sub("", command).strip(), "\n".join(expected).strip(), code)
        command, expected = line[2:].strip(), []
