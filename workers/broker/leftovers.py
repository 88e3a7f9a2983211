"""What brokers of killed owners left behind: ended and removed by the next start."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from workers.broker.ownership import is_alive, owner_of
from workers.broker.processes import end_processes, marked_processes

#: How the directories of brokers that belong to a process begin.
PREFIX = "leveret-broker-"
#: Seconds a directory may be without an owner: its maker signs it at once, or was killed before.
_UNSIGNED_FOR = 60.0


def remove_leftovers() -> tuple[Path, ...]:
    """End the processes and remove the directories of dead owners; return those directories.

    Only this user's own. A kept broker and one whose owner lives are left alone.
    """
    abandoned = [process for process in marked_processes() if not is_alive(process.owner)]
    end_processes(abandoned)
    named = {process.directory for process in abandoned}
    removed = tuple(filter(_is_abandoned, sorted(named | set(_own_directories()))))
    for directory in removed:
        shutil.rmtree(directory, ignore_errors=True)
    return removed


def _own_directories() -> Iterator[Path]:
    """Yield what looks like a private broker's directory in the place for temporary files."""
    return Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*")


def _is_abandoned(directory: Path) -> bool:
    """Tell whether a directory is a private broker's, this user's, and nobody's any more."""
    try:
        status = directory.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    owner = owner_of(directory)
    if owner is None:
        return directory.name.startswith(PREFIX) and time.time() - status.st_mtime > _UNSIGNED_FOR
    return not is_alive(owner)
