"""The RabbitMQ server that is installed here: where it lives, and a lean view of it."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: The plugins a private broker has: the HTTP API and figures for Prometheus.
PLUGINS = ("rabbitmq_management", "rabbitmq_prometheus")

#: Where packages put the server: Debian, Ubuntu and Fedora first, then the official image's place.
_PLACES = ("/usr/lib/rabbitmq/lib", "/usr/local/lib/rabbitmq/lib", "/opt")
#: Names a directory with a whole small system of its own whose server is to be taken, so that a
#: version can be had which this system does not offer (``deploy/standin/rabbitmq-tree``).
ROOT = "RABBITMQ_ROOT"
#: Where Erlang's programs are when PATH does not say (a bare environment, cron, a service).
_FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin"
#: Enters another system, in a view of the mounts that ends with the program; the broker's directory
#: and all in /tmp, such as a test's certificates, have the same paths inside. Its arguments: the
#: system's root, the directory, the program's own.
_ENTER = """
root=$1 shared=$2
shift 2
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
mount --rbind /tmp "$root/tmp" && mkdir -p "$root$shared" &&
mount --bind "$shared" "$root$shared" && exec chroot "$root" "$@"
"""
#: The system we are in.
_HERE = Path("/")
#: The list of applications inside an Erlang .app file.
_APPLICATIONS = re.compile(r"\{\s*applications\s*,\s*\[([^\]]*)\]")


@dataclass(frozen=True)
class Installation:
    """An installed server: its home (with ``sbin`` and ``plugins``), version, and Erlang's epmd.

    Paths are as the system sees them that it is installed in.
    """

    home: Path
    version: str
    epmd: Path
    path: str
    root: Path = _HERE

    def command(self, program: Path, directory: Path) -> list[str]:
        """Return what runs a program of its system, which sees the directory as we do."""
        if self.root == _HERE:
            return [str(program)]
        enter = ["unshare", "--mount", "sh", "-c", _ENTER, "sh"]
        return [*enter, str(self.root), str(directory), str(program)]

    def seen_from_here(self, path: Path) -> Path:
        """Return where one of its paths is for us."""
        return self.root / path.relative_to("/")


def find_installation(environment: Mapping[str, str] = os.environ) -> Installation | None:
    """Return the newest server installed here, or None when it or its Erlang is missing.

    Looks at RABBITMQ_HOME, the places of the packages, and behind ``rabbitmq-server`` on PATH.
    RABBITMQ_HOME, where it holds a server, is taken whatever its version, and before all that the
    system in RABBITMQ_ROOT, where it is set.
    """
    if root := environment.get(ROOT):
        return _installed_in(Path(root).absolute())
    path = os.pathsep.join(filter(None, (environment.get("PATH"), _FALLBACK_PATH)))
    epmd, erl = (shutil.which(program, path=path) for program in ("epmd", "erl"))
    if epmd is None or erl is None:
        return None
    chosen = environment.get("RABBITMQ_HOME")
    homes = [Path(chosen)] if chosen and _version_of(Path(chosen)) else _candidates(path)
    servers = [
        Installation(home, version, Path(epmd), path)
        for home in homes
        if (version := _version_of(home)) is not None
    ]
    return max(servers, key=lambda server: _comparable(server.version), default=None)


def lay_out_lean(installation: Installation, home: Path) -> None:
    """Make ``home`` the same server without the plugins it will not use: it starts sooner.

    RabbitMQ reads every plugin's description at each start. The scripts are copied, since they
    find their home by their own path; everything else is a link. Only other ``rabbitmq_…``
    plugins are left out; their libraries cost little and who needs which is not always declared.
    """
    plugins = installation.home / "plugins"
    entries = installation.seen_from_here(plugins).iterdir()
    present = {entry.name.rpartition("-")[0]: entry for entry in entries}
    needed = _with_dependencies(("rabbit", *PLUGINS), present)
    (home / "plugins").mkdir(parents=True)
    for name, entry in present.items():
        if name in needed or not name.startswith("rabbitmq_"):
            (home / "plugins" / entry.name).symlink_to(plugins / entry.name)
    shutil.copytree(installation.seen_from_here(installation.home / "sbin"), home / "sbin")
    (home / "escript").symlink_to(installation.home / "escript")


def _installed_in(root: Path) -> Installation | None:
    """Return the server of the system in a directory, as Debian's package puts it there."""
    home = next(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"), None)
    version = None if home is None else _version_of(home)
    if home is None or version is None:
        return None
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    inside = _HERE / home.relative_to(root)
    return Installation(inside, version, Path("/usr/bin/epmd"), path, root)


def _candidates(path: str) -> Iterator[Path]:
    """Yield directories that may be a server's home."""
    for place in _PLACES:
        yield from Path(place).glob("rabbitmq*")
    if server := shutil.which("rabbitmq-server", path=path):
        yield Path(server).resolve().parent.parent


def _version_of(home: Path) -> str | None:
    """Return the version of the server in a directory, or None when there is none."""
    rabbit = next(home.glob("plugins/rabbit-[0-9]*"), None)
    if rabbit is None or not (home / "sbin" / "rabbitmq-server").is_file():
        return None
    return rabbit.name.removeprefix("rabbit-").removesuffix(".ez")


def _comparable(version: str) -> tuple[int, ...]:
    """Return a version as numbers: 3.10 comes after 3.9."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _with_dependencies(roots: tuple[str, ...], present: Mapping[str, Path]) -> set[str]:
    """Return these applications and all that they name, as far as they are present."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found or name not in present:
            continue
        found.add(name)
        description = present[name] / "ebin" / f"{name}.app"
        if description.is_file() and (named := _APPLICATIONS.search(description.read_text())):
            waiting += re.findall(r"\w+", named[1])
    return found
