"""Starts processes in a twentieth of a second: one that has everything imported, and forks.

    python -m faults.nursery

A line of JSON in for each process wanted (`Birth`), a line out when it is born (`{"born": pid}`)
and when it has ended (`{"ended": pid, "code": 0}`, negative for a signal). Each is a whole process
of its own, so that SIGKILL, SIGSTOP and SIGTERM are real. When the line in ends, all of them do,
and when the nursery is killed, the kernel kills them.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import orjson
from faults import processors, publisher, sabotage

from workers import service
from workers.cli import app, main, run

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Imported for the children to have; what a worker needs beyond these it imports itself.
READY: Final = (app, main, processors, publisher, run, sabotage, service)

#: Linux: the signal a process gets when its parent dies.
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Birth:
    """A process that is wanted: `leveret` with arguments, or the publisher with its order."""

    program: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    log: str

    def line(self) -> bytes:
        """Return it as a line."""
        return orjson.dumps(asdict(self)) + b"\n"


class Nursery:
    """Forks what is asked for, and tells what has ended."""

    def __init__(self) -> None:
        self._alive: set[int] = set()
        self._rung, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rung, False)

    def run(self) -> None:
        """Serve until the line in ends."""
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        rest = b""
        while True:
            readable, _, _ = select.select([0, self._rung], [], [])
            if self._rung in readable:
                os.read(self._rung, 4096)
                self._bury()
            if 0 in readable:
                chunk = os.read(0, 65_536)
                if not chunk:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._bear(Birth(**orjson.loads(line)))
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)

    def _bear(self, birth: Birth) -> None:
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            _die_with(nursery)
            os._exit(_live(birth))
        self._alive.add(pid)
        _tell({"born": pid})

    def _bury(self) -> None:
        for pid in tuple(self._alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._alive.discard(pid)
                _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(said: dict[str, int]) -> None:
    os.write(1, orjson.dumps(said) + b"\n")


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent is gone, if that is not so already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _live(birth: Birth) -> int:
    """Become the process; returns its exit code."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(birth.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(birth.environment)
    os.chdir(birth.directory)
    sys.argv = [birth.program, *birth.arguments]
    try:
        if birth.program == "publisher":
            publisher.main()
        else:
            sabotage.arm()
            main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last chance to leave a trace in the log
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    Nursery().run()
