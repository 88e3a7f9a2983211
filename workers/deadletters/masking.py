"""Hides what nobody may read in a letter's body: by pointer, and by the group's security level.

Pure. A hidden value stands as MASK; `restore` puts the originals back into an edited body, so that
somebody can mend a letter without seeing its secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workers.deadletters.levels import confidential, covered, secret
from workers.deadletters.pointers import ANY, BadPointer, keys_of, places
from workers.deadletters.restoring import MASK, Held, holds_mask, restored
from workers.deadletters.spans import Node, read, replaced
from workers.deadletters.subtrees import leaves
from workers.headers import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A body that is no JSON has no places; a value behind a hidden key's name is found like this. One
#: that holds others may end anywhere, so the rest of the body goes with it.
_VALUE: Final = r'("%s"\s*:\s*)([{\[].*|"(?:[^"\\]|\\.)*"?|[^,}\]\s]+)'


@dataclass(frozen=True, slots=True)
class Masking:
    """Which values are hidden; `pointers` as in RFC 6901, with `*` for any key or index."""

    pointers: tuple[str, ...] = ()
    #: `public`, `internal`, `confidential` or `secret`.
    level: str = "public"

    def __post_init__(self) -> None:
        for pointer in self.pointers:
            keys_of(pointer)

    @property
    def hides(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self.pointers) or self._closed

    @property
    def _closed(self) -> bool:
        """Whether the level hides values by itself."""
        return self.level in ("confidential", "secret")

    def shown(self, body: bytes) -> bytes:
        """Return the body as it may be shown; all that is not hidden is byte for byte the same."""
        if not self.hides:
            return body
        document = read(body)
        if document is None:
            return self._blind(body)
        return replaced(body, dict.fromkeys(self._hidden(document, body), f'"{MASK}"'.encode()))

    def headers(self, headers: Mapping[str, object]) -> dict[str, object]:
        """Return headers as they may be shown: a sender's values only where nothing is classified.

        What a sender put there has no places by which it could be hidden.
        """
        clear = self.level == "public"
        return {
            name: value if clear or name.startswith(OURS) else MASK
            for name, value in headers.items()
        }

    def covers(self, pointer: str) -> bool:
        """Whether a value at a place is hidden, or holds or may hold a hidden one."""
        try:
            keys = keys_of(pointer) if pointer else ()
        except BadPointer:  # whatever place that is
            return self.hides
        return covered(self.level, keys) or any(
            all(one in (ANY, other) for one, other in zip(hides, keys, strict=False))
            for hides in map(keys_of, self.pointers)
        )

    def restore(self, edited: bytes, original: bytes) -> bytes:
        """Return an edited body with the original values where it still shows MASK.

        Raises Unrestored where nobody can tell which value that was: MASK itself is never sent.
        """
        if not holds_mask(edited):
            return edited
        document = read(original)
        hidden = () if document is None else self._hidden(document, original)
        held = Held(original, self.shown(original), frozenset(one.start for one in hidden))
        return restored(edited, held)

    def _hidden(self, document: Node, body: bytes) -> Iterable[Node]:
        """Return the values to hide, none of which holds another."""
        found = {
            one.start: one
            for pointer in self.pointers
            for place in places(document, keys_of(pointer))
            for one in leaves(place, body)
        }
        if self._closed:
            of_level = secret if self.level == "secret" else confidential
            found |= {one.start: one for one in of_level(document, body)}
        return found.values()

    def _blind(self, body: bytes) -> bytes:
        """Hide in what is no JSON: all of it where the level hides, else what follows a key."""
        if self._closed:
            return MASK.encode()
        text = body.decode("utf-8", "surrogateescape")
        for pointer in self.pointers:
            name = keys_of(pointer)[-1]
            pattern = _VALUE % (re.escape(name) if name != ANY else '[^"]*')
            text = re.sub(pattern, lambda found: f'{found[1]}"{MASK}"', text, flags=re.DOTALL)
        return text.encode("utf-8", "surrogateescape")
