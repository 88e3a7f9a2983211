"""Notes of what this process is doing, which outlive it: one empty file for each delivery noted.

A file that was made is there after `kill -9` of the process, because the kernel has it; nothing is
synced to the disk, since a note that dies with the machine accuses nobody. Each process has a
directory of its own and holds a lock in it, which the kernel lets go with the process. So whoever
can share the lock knows that the process is dead, and the notes left there are evidence.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import secrets
import shutil
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.outcome import Delivery

log = logging.getLogger("leveret.crashes")

#: Seconds that evidence is kept for a message that does not come here again.
KEPT: Final = 3_600.0
LOCK: Final = "lock"
HIDDEN: Final = "."


def default_directory() -> Path:
    """Return systemd's state directory, or one among the temporary ones: where no setting says."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else Path(tempfile.gettempdir()) / f"leveret-{os.getuid()}"


def key_of(delivery: Delivery) -> str:
    """Return what a message is known by from one delivery to the next."""
    hashed = hashlib.blake2b(delivery.queue.encode(), digest_size=16)
    hashed.update(delivery.body)
    return hashed.hexdigest()


class Notes:
    """The notes of this process, and the evidence of those that died on this machine."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / "running"
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._root.stat().st_uid != os.getuid():
            raise PermissionError(f"{self._root} belongs to somebody else")
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        # Hidden until it is locked: nobody may take it for what a dead process left.
        fresh = self._root / f"{HIDDEN}{name}"
        fresh.mkdir(mode=0o700)
        self._lock = (fresh / LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._own = fresh.rename(self._root / name)
        self._noted: Counter[str] = Counter()
        #: Whether a process was seen to have died here: then evidence outlives those that leave it.
        self.outlive = any(map(self._is_of_the_dead, self._root.iterdir()))

    @contextmanager
    def noted(self, key: str) -> Iterator[None]:
        """Keep a note while the block runs; it stays behind only if the process dies in it."""
        note = self._own / key
        self._noted[key] += 1
        with suppress(OSError):  # a full disk is no reason to leave the work undone
            note.touch()
        try:
            yield
        finally:
            self._noted[key] -= 1
            if not self._noted[key]:
                del self._noted[key]
                with suppress(OSError):
                    note.unlink()

    def evidence(self, key: str) -> int:
        """Return how many processes died while they did this, and take their notes away."""
        try:
            return sum(self._take(dead, key) for dead in self._dead())
        except OSError:  # somebody tidied up under our feet: what is gone tells nothing
            return 0

    def close(self) -> None:
        """Leave without a trace."""
        shutil.rmtree(self._own, ignore_errors=True)
        self._lock.close()

    def _dead(self) -> Iterator[Path]:
        """Yield the directories whose process is gone; forgets those that tell nothing any more."""
        for place in self._root.iterdir():
            if not self._is_of_the_dead(place):
                continue
            self.outlive = True
            notes = sum(1 for _ in place.iterdir()) - 1
            if notes <= 0 or time.time() - place.stat().st_mtime > KEPT:
                shutil.rmtree(place, ignore_errors=True)
            else:
                yield place

    def _is_of_the_dead(self, place: Path) -> bool:
        return place != self._own and not place.name.startswith(HIDDEN) and _is_left(place)

    @staticmethod
    def _take(place: Path, key: str) -> bool:
        with suppress(FileNotFoundError):
            (place / key).unlink()  # only one of those who look succeeds
            return True
        return False


def _is_left(place: Path) -> bool:
    """Whether no process holds the lock of this directory."""
    try:
        with (place / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # held, or not made yet, or just removed
        return False
    return True


def open_notes(directory: Path | None) -> Notes | None:
    """Return the notes, or None where none can be kept; that is logged with what to do."""
    where = directory or default_directory()
    try:
        return Notes(where)
    except OSError as error:
        log.warning(
            "no notes can be kept in %s (%s): a message that kills its worker will be known only "
            "by the broker's delivery limit; set LEVERET_STATE_DIR to a directory that can be "
            "written and outlives a restart",
            where,
            error,
        )
        return None
