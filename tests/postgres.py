"""A private PostgreSQL for a test run: own directory, unix socket only, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where Debian keeps the server's programs, newest version last.
PLACES: Final = "/usr/lib/postgresql/*/bin"
#: Seconds for the server to start or stop.
WITHIN: Final = 60


def installed() -> Path | None:
    """Return the directory of the server's programs, or None where there is no server."""
    found = sorted(Path("/").glob(f"{PLACES[1:]}/pg_ctl"))
    named = shutil.which("pg_ctl")
    if found:
        return found[-1].parent
    return Path(named).parent if named else None


class Server:
    """One server that is not synced to the disk, in a directory of its own."""

    def __init__(self, programs: Path, home: Path) -> None:
        self._programs = programs
        self._home = home
        self._data = home / "data"
        self._who: dict[str, Any] = {}
        if os.getuid() == 0:  # the server refuses to run as root
            postgres = pwd.getpwnam("postgres")
            os.chown(home, postgres.pw_uid, postgres.pw_gid)
            self._who = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}
        self._run("initdb", "-U", "leveret", "-A", "trust", "--no-sync")

    @property
    def url(self) -> str:
        """The address of its one database."""
        return f"postgresql://leveret@/postgres?host={self._home}"

    def start(self) -> None:
        """Return when it takes connections."""
        options = f"-c listen_addresses='' -k {self._home} -c fsync=off -c max_connections=50"
        self._run("pg_ctl", "-l", str(self._home / "log"), "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stop it as a crash would."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def limit_files(self, size: int) -> None:
        """Let no file of its processes grow beyond so many bytes: to them, a full disk."""
        first = int((self._data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
        for pid in (str(first), *children.split()):
            # By its own user, who may; a process that has just gone does not matter.
            limit = ("prlimit", f"--pid={pid}", f"--fsize={size}:")
            subprocess.run(limit, check=False, stderr=subprocess.DEVNULL, **self._who)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            (self._programs / program, "-D", self._data, *arguments),
            check=True,
            timeout=WITHIN,
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            **self._who,
        )


@contextmanager
def server(programs: Path) -> Iterator[Server]:
    """Lend a server that runs."""
    home = Path(tempfile.mkdtemp(prefix="leveret-pg-"))
    try:
        own = Server(programs, home)
        own.start()
        try:
            yield own
        finally:
            own.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def serving(programs: Path) -> Iterator[str]:
    """Lend the address of an empty database."""
    with server(programs) as own:
        yield own.url
