"""Who a private broker belongs to: written into its directory and its processes' environment.

A broker outlives a starter that is killed with SIGKILL. Whoever starts the next one asks here
whether the owner of what it finds is still alive.
"""

import os
from pathlib import Path

#: The owner of a broker that lives on until it is stopped by command.
KEPT = "kept"
#: The file in a broker's directory that names its owner.
OWNER_FILE = "owner"
#: Field 22 of /proc/PID/stat, counted from the state letter behind the command's name.
_BIRTH_AFTER_NAME = 19


def this_process() -> str:
    """Return the token that is alive exactly as long as this process: pid, birth, pid namespace."""
    pid = os.getpid()
    return f"{pid}.{_birth(pid)}.{_pid_namespace()}"


def is_alive(owner: str) -> bool:
    """Tell whether a broker must be left alone; in doubt, it must.

    An owner seen from another pid namespace (a container that shares the directory) cannot be
    judged from here and counts as alive, as does a kept broker. A pid that was given to a newer
    process is told apart by its time of birth.
    """
    if owner == KEPT:
        return True
    try:
        pid, birth, namespace = owner.split(".")
    except ValueError:
        return True
    return namespace != _pid_namespace() or birth == _birth(int(pid))


def owner_of(directory: Path) -> str | None:
    """Return the token in a broker's directory, or None when there is none."""
    try:
        return (directory / OWNER_FILE).read_text(encoding="ascii")
    except OSError:
        return None


def _birth(pid: int) -> str | None:
    """Return when a process was born, in clock ticks since boot; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[_BIRTH_AFTER_NAME - 1]


def _pid_namespace() -> str:
    """Return the number of this process's pid namespace, without brackets or dots."""
    return "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
