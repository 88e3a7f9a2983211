"""The `leveret` command: one file a verb group, imported only when it is called."""

from __future__ import annotations

import sys
from typing import Final

#: Exit codes, as interface.md section 2 promises them.
DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
NOTHING_FOUND: Final = 3
NO_BROKER: Final = 4
#: What a shell reports for a program ended by Ctrl-C.
INTERRUPTED: Final = 130


class Failure(Exception):
    """Ends a command with one line on stderr and this exit code."""

    def __init__(self, line: str, *, code: int = FAILED) -> None:
        super().__init__(line)
        self.code = code


def main() -> None:
    """Run the command line and exit; an error a person can cause is one line, never a traceback."""
    from workers.cli.app import app  # noqa: PLC0415 - `import workers.cli` stays free

    try:
        code = app()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # `leveret dlq ls | head`
        sys.stderr.close()
        code = DONE
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        print(f"leveret: {told}", file=sys.stderr)  # noqa: T201 - this is the command line
        code = told.code
    sys.exit(code if isinstance(code, int) else DONE)


def _told(error: Exception) -> Failure | None:
    """Return what to say about an error a person can do something about, or None for a bug."""
    # Only what is already imported can have raised; so nothing is imported to find out.
    if isinstance(error, Failure):
        return error
    for module, name, code in (
        ("workers.settings", "SettingsError", WRONG_USE),
        ("workers.registry", "RegistrationError", WRONG_USE),
        ("workers.link.supervisor", "BrokerUnreachable", NO_BROKER),
        ("workers.link.supervisor", "LinkError", FAILED),
        ("workers.broker", "NoBrokerError", NO_BROKER),
        ("workers.broker", "BrokerStartError", NO_BROKER),
        ("workers.web", "PortTaken", FAILED),
        ("topology", "TopologyError", FAILED),
    ):
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return Failure(str(error), code=code)
    return None
