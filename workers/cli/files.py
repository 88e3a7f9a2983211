"""Where results go that may go into a file: nothing found leaves no file, and none emptied."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workers.cli import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def written(output: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Lend what writes to a file, or to standard output without one.

    The file is opened at once, so that one that cannot be written ends the command before any work;
    it is emptied when the first bytes come.
    """
    if output is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    try:
        new = not output.exists()
        with output.open("ab") as file:
            empty = not output.is_file()  # a pipe has nothing to be emptied of
            wrote = False

            def write(told: bytes) -> None:
                nonlocal empty, wrote
                if not empty:
                    file.truncate(0)
                empty = wrote = True
                file.write(told)

            try:
                yield write
            finally:
                if new and not wrote:
                    output.unlink(missing_ok=True)
    except OSError as error:
        told = f"{output} cannot be written: {error.strerror or error}"
        raise Failure(f"{told}; give another file with -o, or none for standard output") from None
