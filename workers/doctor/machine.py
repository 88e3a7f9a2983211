"""What can be looked at without a broker: Python, packages, processors, the HTTP port."""

from __future__ import annotations

import re
import socket
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING, Final

from workers.counting import plural
from workers.doctor.finding import Finding, note, ok, wrong
from workers.loading import load
from workers.registry import RegistrationError, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from workers.settings import Settings

#: What `pyproject.toml` asks for.
OLDEST_PYTHON: Final = (3, 11)
_NEEDED: Final = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,]+\])?\s*>=\s*(?P<least>[\d.]+)")


def python(running: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Tell whether this Python is new enough."""
    told = ".".join(map(str, running))
    if running < OLDEST_PYTHON:
        least = ".".join(map(str, OLDEST_PYTHON))
        return wrong("python", f"Python {told}", f"make the environment with {least} or later")
    return ok("python", f"Python {told}")


def packages(
    needed: Iterable[str] | None = None, installed: Callable[[str], str] = version
) -> Finding:
    """Tell whether the packages we need are there and new enough."""
    missing: list[str] = []
    count = 0
    for line in _requirements() if needed is None else needed:
        wanted = _NEEDED.match(line)
        if wanted is None or "extra ==" in line:
            continue
        count += 1
        try:
            found = installed(wanted["name"])
        except PackageNotFoundError:
            missing.append(f"{wanted['name']} is not installed")
            continue
        if _numbers(found) < _numbers(wanted["least"]):
            missing.append(f"{wanted['name']} {found} is older than {wanted['least']}")
    if missing:
        return wrong("packages", "; ".join(missing), "install leveret again: pip install -U …")
    return ok("packages", f"{plural(count, 'package is', 'packages are')} there and new enough")


def processors(
    settings: Settings, modules: Collection[str] = ()
) -> tuple[Finding, Registry | None]:
    """Tell which processors a bare `leveret run` would have; also returns them."""
    try:
        registry = load(modules, offered=settings.processors)
    except RegistrationError as error:
        told = " ".join(str(error).split())
        advice = (
            "mend that module, or name another: leveret doctor package.module:registry"
            if modules
            else "mend that module, or what LEVERET_PROCESSORS names"
        )
        return wrong("processors", told, advice), None
    names = [*registry.task_types]
    names += [one.message_type for one in registry.routes if not one.task_type]
    if not names:
        advice = "name a module: leveret run my_package:registry"
        return note("processors", "no processor is registered", advice), registry
    return ok("processors", f"processors for {', '.join(sorted(names))}"), registry


def http_port(settings: Settings) -> Finding:
    """Tell whether a worker that is started here could have its HTTP port."""
    host, port = settings.http_host, settings.http_port
    if port == 0:
        return ok("http_port", "a free port is picked for metrics and health")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return note(
                "http_port",
                f"port {port} on {host} cannot be had now ({error.strerror})",
                "if no worker of yours holds it, set LEVERET_HTTP_PORT to another, or 0",
            )
    return ok("http_port", f"port {port} on {host} is free")


def _requirements() -> list[str]:
    try:
        return requires("leveret") or []
    except PackageNotFoundError:  # run from a tree that is not installed
        return []


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
