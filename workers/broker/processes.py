"""Processes of private brokers: found by a mark in their environment, ended by pid.

Nothing is ever ended by its name: only what carries the mark, belongs to this user and lives in
this view of the file system.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Names the broker's directory in the environment of each of its processes.
DIRECTORY_MARK = "LEVERET_PRIVATE_BROKER"
#: Names the broker's owner beside it.
OWNER_MARK = "LEVERET_PRIVATE_BROKER_OWNER"
#: Names the root of the system it runs in; ours or another, in a view of the mounts of its own.
ROOT_MARK = "LEVERET_PRIVATE_BROKER_ROOT"
#: Seconds a killed process gets to vanish. It takes 0.02 s; a busy disk can hold it longer.
_VANISH = 10.0


@dataclass(frozen=True)
class MarkedProcess:
    """A live process of some private broker."""

    pid: int
    directory: Path
    owner: str


def marked_processes(directory: Path | None = None) -> tuple[MarkedProcess, ...]:
    """Return this user's live broker processes, all of them or those of one directory."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    found = (_read_mark(pid) for pid in pids)
    return tuple(
        process
        for process in found
        if process is not None and (directory is None or process.directory == directory)
    )


def end_processes(processes: Iterable[MarkedProcess]) -> None:
    """Kill these processes and return when they are gone; those gone already are no error.

    A pid is pinned before its mark is read again, so that a pid that was given to somebody else
    in the meantime is never hit.
    """
    with contextlib.ExitStack() as pinned:
        poll = select.poll()
        waiting: dict[int, int] = {}
        for process in processes:
            try:
                pin = os.pidfd_open(process.pid)
            except ProcessLookupError:
                continue
            pinned.callback(os.close, pin)
            if _read_mark(process.pid) == process:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pin, signal.SIGKILL)
                poll.register(pin, select.POLLIN)
                waiting[pin] = process.pid
        _await_exits(poll, waiting)


def _await_exits(poll: select.poll, waiting: dict[int, int]) -> None:
    """Return when the pinned processes are gone and, where they were our children, reaped."""
    give_up = time.monotonic() + _VANISH
    while waiting and time.monotonic() < give_up:
        for pin, _ in poll.poll(1000 * _VANISH):
            poll.unregister(pin)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(waiting[pin], os.WNOHANG)
            del waiting[pin]


def _read_mark(pid: int) -> MarkedProcess | None:
    """Return what a process carries; None for strangers, zombies and what is gone."""
    try:
        if Path(f"/proc/{pid}").stat().st_uid != os.geteuid():
            return None
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        if DIRECTORY_MARK.encode() not in environment:
            return None
        marks = dict(
            os.fsdecode(line).split("=", 1) for line in environment.split(b"\0") if b"=" in line
        )
        if DIRECTORY_MARK not in marks or not _sees_our_files(pid, marks.get(ROOT_MARK, "/")):
            return None
    except OSError:
        return None
    return MarkedProcess(pid, Path(marks[DIRECTORY_MARK]), marks.get(OWNER_MARK, ""))


def _sees_our_files(pid: int, root: str) -> bool:
    """Tell whether a path means the same to that process: same mounts and root.

    Or the other system's root that we gave it: there the broker's directory has our path.
    """
    if root != "/":
        return str(Path(f"/proc/{pid}/root").readlink()) == root
    return all(
        Path(f"/proc/{pid}/{link}").readlink() == Path(f"/proc/self/{link}").readlink()
        for link in ("ns/mnt", "root")
    )
