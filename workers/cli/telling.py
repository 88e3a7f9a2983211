"""What a person is told of an error that ends a command: one line, and an exit code."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workers.cli import FAILED, NO_BROKER, WRONG_USE, Failure

if TYPE_CHECKING:
    from types import CodeType

#: Errors of ours that say themselves what to do, and the exit code that each is.
_KNOWN: Final = (
    ("workers.settings", "SettingsError", WRONG_USE),
    ("workers.registry", "RegistrationError", WRONG_USE),
    ("workers.inbox.port", "InboxError", FAILED),
    ("workers.link.supervisor", "BrokerUnreachable", NO_BROKER),
    ("workers.link.supervisor", "LinkError", FAILED),
    ("workers.broker", "NoBrokerError", NO_BROKER),
    ("workers.broker", "BrokerStartError", NO_BROKER),
    ("workers.broker", "ManagementError", FAILED),
    ("workers.probes.web", "PortTaken", FAILED),
    ("topology", "NameRefused", WRONG_USE),
    ("workers.console.doors.users", "ConsoleRefused", WRONG_USE),
    ("topology", "TopologyError", FAILED),
)
#: Where our own code is.
_OURS: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = tuple(
    f"{_OURS / name}{os.sep}" for name in ("messages", "topology", "workers", "examples")
)
#: Where Python and what is installed are.
_INSTALLED: Final = tuple(
    f"{Path(path).resolve()}{os.sep}"
    for path in {
        sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
)


def told(error: BaseException) -> Failure | None:
    """Return what to say about an error a person can do something about, or None for a bug."""
    if isinstance(error, BaseExceptionGroup):  # tasks that failed together: the first says enough
        return next((said for one in error.exceptions if (said := told(one))), None)
    if isinstance(error, Failure):
        return error
    # Only what is already imported can have raised; so nothing is imported to find out.
    for module, name, code in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return Failure(str(error), code=code)
    return _misuse(error) or _nowhere(error) or _theirs(error)


def bug(error: BaseException) -> Failure:
    """Return the one line about an error that nobody foresaw."""
    places = _places(error)
    place = f"{_short(places[-1][0].co_filename)}:{places[-1][1]}" if places else "?"
    return Failure(
        f"something went wrong that is not your doing ({_said(error)}, at {place});"
        " please report this line, or see the whole of it with LEVERET_LOG_LEVEL=DEBUG"
    )


def _misuse(error: BaseException) -> Failure | None:
    """Return what the option parser has to say, on one line; None when it is not from there."""
    kind = getattr(sys.modules.get("cyclopts"), "CycloptsError", None)
    if kind is None or not isinstance(error, kind):
        return None
    from workers.cli import misuse  # noqa: PLC0415 - it imports the parser

    said = misuse.told(error)
    verb = " ".join(getattr(error, "command_chain", None) or ())
    return Failure(f"{said} (`leveret {verb} --help` says more)".replace("  ", " "), code=WRONG_USE)


def _nowhere(error: BaseException) -> Failure | None:
    """Return what to do where the current directory was removed; None where it is there."""
    if not isinstance(error, FileNotFoundError):
        return None
    try:
        os.getcwd()  # noqa: PTH109 - the question is whether it has a path
    except FileNotFoundError:
        return Failure("the current directory is gone; change to one that is there, and try again")
    return None


def _theirs(error: BaseException) -> Failure | None:
    """Return where the user's own code raised, if it was that; None for ours and libraries."""
    for code, number in reversed(_places(error)):
        if not code.co_filename.startswith(("<", *_PACKAGES, *_INSTALLED)):
            place = f"{_short(code.co_filename)}:{number}"
            return Failure(f"{place} ({code.co_name}) raised {_said(error)}; mend it there")
        if code.co_filename.startswith(_PACKAGES):
            return None  # it is our code that did not come to terms with what theirs returned
    return None


def _places(error: BaseException) -> list[tuple[CodeType, int]]:
    """Return the code and line of each frame, the innermost last."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append((trace.tb_frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    return places


def _short(path: str) -> str:
    """Return the path as seen from here, where it is below; whole where it is not."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
