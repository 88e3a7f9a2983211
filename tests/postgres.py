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


@contextmanager
def serving(programs: Path) -> Iterator[str]:
    """Lend the address of an empty database on a server that is not synced to the disk."""
    home = Path(tempfile.mkdtemp(prefix="leveret-pg-"))
    data, log = home / "data", home / "log"
    who: dict[str, Any] = {}
    if os.getuid() == 0:  # the server refuses to run as root
        postgres = pwd.getpwnam("postgres")
        os.chown(home, postgres.pw_uid, postgres.pw_gid)
        who = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}

    def run(*command: str | Path) -> None:
        subprocess.run(
            command,
            check=True,
            timeout=WITHIN,
            cwd=home,
            stdout=subprocess.DEVNULL,
            **who,
        )

    options = f"-c listen_addresses='' -k {home} -c fsync=off -c max_connections=50"
    pg_ctl = programs / "pg_ctl"
    try:
        run(programs / "initdb", "-D", data, "-U", "leveret", "-A", "trust", "--no-sync")
        run(pg_ctl, "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            yield f"postgresql://leveret@/postgres?host={home}"
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
