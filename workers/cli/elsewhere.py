"""What to type in another terminal while `leveret dev` shows its view in this one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def lines(url: str, prefix: str, addresses: Iterable[str]) -> str:
    """Return lines to copy whole: no frame around them, and nothing cut where a terminal ends."""
    return "\n".join(
        (
            "in another terminal:",
            "",
            *_environment(),
            f"export LEVERET_AMQP_URL={quote(url)} LEVERET_PREFIX={quote(prefix)}",
            "leveret publish --task echo --param text=hello --wait",
            "leveret dlq ls",
            *(f"curl {address}/metrics" for address in addresses),
            "",
            "",
        )
    )


def _environment() -> list[str]:
    """Return how to get to the command where a shell does not find it: `make dev` needs no path."""
    activate = Path(sys.prefix, "bin", "activate")
    if shutil.which("leveret") is not None or not activate.is_file():
        return []
    return [f"source {quote(str(activate))}"]
