"""The name that was probably meant, for whoever wrote one that is not known."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Names compared: each costs tens of microseconds, and whoever floods us with unknown ones must not
#: get more than a message's worth of work for each.
MOST_COMPARED: Final = 100
#: Characters that any name has; a longer text is none that was misspelt.
LONGEST: Final = 128


def did_you_mean(written: object, known: Iterable[str]) -> str:
    """Return `; did you mean x?` to put behind a reason, or nothing where no name is near.

    It holds a name that is known, never what was written.
    """
    if not isinstance(written, str) or len(written) > LONGEST:
        return ""
    near = get_close_matches(written.lower(), islice(known, MOST_COMPARED), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""
