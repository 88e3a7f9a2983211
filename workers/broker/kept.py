"""The private broker that outlives its command: one for each user, until it is stopped.

What is known of it lies in the user's state directory, whose lock lets one command at a time act.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workers.broker import ownership
from workers.broker.errors import BrokerStartError
from workers.broker.leftovers import remove_leftovers
from workers.broker.private import LONGEST_DIRECTORY, PrivateBroker
from workers.broker.processes import end_processes, marked_processes

#: How the kept broker's own directory begins, inside the state directory.
_DATA_PREFIX = "rabbitmq-"
#: The record of what runs; written when it serves.
_RECORD = "running.json"


@dataclass(frozen=True)
class Running:
    """A kept broker that serves. The plural fields hold a value for each node, in order."""

    amqp_urls: tuple[str, ...]
    management_urls: tuple[str, ...]
    prometheus_urls: tuple[str, ...]
    pids: tuple[int, ...]
    directory: str

    @property
    def amqp_url(self) -> str:
        """Where clients connect."""
        return self.amqp_urls[0]

    @property
    def management_url(self) -> str:
        """The HTTP API and its web pages, with the login in it."""
        return self.management_urls[0]

    @property
    def pid(self) -> int:
        """The first node's process that is up."""
        return self.pids[0]


def start_kept(nodes: int = 1) -> Running:
    """Return the broker that runs until ``stop_kept``, started in 3 to 6 s if it does not yet.

    Raises BrokerStartError when one of another number of nodes runs, or when it does not serve;
    NoBrokerError when no server is installed.
    """
    with _locked_state() as state:
        remove_leftovers()
        running = _read(state)
        if running is None:
            return _start(state, nodes)
        if len(running.amqp_urls) != nodes:
            raise BrokerStartError(
                f"A private broker with {len(running.amqp_urls)} node(s) is running already;"
                " end it first: leveret broker stop"
            )
        return running


def stop_kept() -> Running | None:
    """End the kept broker with all its data; return what ran, or None when nothing did."""
    with _locked_state() as state:
        running = _read(state)
        _clear(state)
        return running


def status() -> Running | None:
    """Return the kept broker with those of its processes that live, or None when none does."""
    with _locked_state() as state:
        return _read(state)


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where this user's kept broker lives: below XDG_STATE_HOME or HOME, else temporary.

    Not XDG_RUNTIME_DIR: it is small, in memory, and another one for the next login.
    """
    home = environment.get("HOME")
    wished = environment.get("XDG_STATE_HOME") or (f"{home}/.local/state" if home else None)
    fallback = Path(tempfile.gettempdir()).resolve() / f"leveret-{os.geteuid()}"
    if wished is None:
        return fallback
    directory = Path(wished).absolute() / "leveret" / "broker"
    short_enough = len(str(directory)) + len("/rabbitmq-12345678") <= LONGEST_DIRECTORY
    return directory if short_enough and _may_be_made(directory) else fallback


def _start(state: Path, nodes: int) -> Running:
    """Start a new one where nothing runs and record it."""
    _clear(state)
    directory = Path(tempfile.mkdtemp(dir=state, prefix=_DATA_PREFIX)).resolve()
    broker = PrivateBroker.start_in(directory, nodes=nodes, owner=ownership.KEPT)
    with contextlib.ExitStack() as undo:
        undo.callback(broker.close)
        running = Running(
            amqp_urls=tuple(node.amqp_url for node in broker.nodes),
            management_urls=tuple(node.management_url for node in broker.nodes),
            prometheus_urls=tuple(node.prometheus_url for node in broker.nodes),
            pids=tuple(node.pid for node in broker.nodes if node.pid is not None),
            directory=str(directory),
        )
        (state / _RECORD).write_text(json.dumps(asdict(running)), encoding="utf-8")
        broker.disown()
        undo.pop_all()
    return running


def _read(state: Path) -> Running | None:
    """Return what the record names and what of it is alive: a pid alone proves nothing."""
    try:
        record = json.loads((state / _RECORD).read_text(encoding="utf-8"))
        running = Running(**{key: _frozen(value) for key, value in record.items()})
    except (OSError, ValueError, TypeError):
        # None yet, or cut short with the machine: either way there is nothing to hold on to.
        return None
    alive = {process.pid for process in marked_processes(Path(running.directory))}
    pids = tuple(pid for pid in running.pids if pid in alive)
    return replace(running, pids=pids) if pids else None


def _frozen(value: Any) -> Any:
    """Return what JSON makes of a tuple as a tuple again."""
    return tuple(value) if isinstance(value, list) else value


def _clear(state: Path) -> None:
    """End and remove every broker below the state directory, half-started ones too."""
    (state / _RECORD).unlink(missing_ok=True)
    for directory in state.glob(f"{_DATA_PREFIX}*"):
        end_processes(marked_processes(directory))
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _locked_state() -> Iterator[Path]:
    """Give the state directory, locked against other commands; removed afterwards when empty."""
    state = state_directory()
    lock = _lock(state)
    try:
        yield state.resolve()
    finally:
        with contextlib.suppress(OSError):
            state.rmdir()
        os.close(lock)


def _lock(state: Path) -> int:
    """Return the locked directory's descriptor, of the directory that is at that path then."""
    while True:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(state)
        lock = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(lock), state.stat()):
                return lock
        # The one before us removed it, empty, while we waited.
        os.close(lock)


def _check_private(state: Path) -> None:
    """Raise when somebody else made the directory: a name below /tmp can be guessed."""
    if state.lstat().st_uid != os.geteuid():
        raise BrokerStartError(
            f"{state} belongs to another user; set XDG_STATE_HOME to a directory of your own"
        )


def _may_be_made(directory: Path) -> bool:
    """Tell whether a directory can be written, or made and then written."""
    present = next(place for place in (directory, *directory.parents) if place.exists())
    return present.is_dir() and os.access(present, os.W_OK | os.X_OK)
