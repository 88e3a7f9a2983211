"""A selection as people read it: of letters chosen one by one a few, and how many. Pure."""

from __future__ import annotations

import re
from typing import Final

#: Ids told before the rest is counted, and characters of each.
FEW: Final = 3
SHORT: Final = 8
_IDS: Final = re.compile(r"(?<!\S)ids=(\S+)")


def brief(described: str) -> str:
    """Return a selection in one short line; the same text where it is short already."""
    return _IDS.sub(_few, described)


def _few(found: re.Match[str]) -> str:
    ids = found[1].split(",")
    if len(ids) <= 1:
        return found[0]
    told = ", ".join(one[:SHORT] for one in ids[:FEW])
    more = f" and {len(ids) - FEW:,} more" if len(ids) > FEW else ""
    return f"{len(ids):,} chosen letters: {told}{more}"
