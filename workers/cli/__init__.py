"""The `leveret` command: one file a verb group, imported only when it is called."""

from __future__ import annotations

import os
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
#: What a lone `-` stands for; the option parser would take it for an option without a name.
STDIN: Final = "/dev/stdin"


class Failure(Exception):
    """Ends a command with one line on stderr and this exit code."""

    def __init__(self, line: str, *, code: int = FAILED) -> None:
        super().__init__(line)
        self.code = code


def main() -> None:
    """Run the command line and exit; an error is one line on stderr, never a traceback."""
    sys.exit(_run())


def _run() -> int:
    from workers.cli.app import application  # noqa: PLC0415 - `import workers.cli` stays free

    try:
        tokens = [STDIN if one == "-" else one for one in sys.argv[1:]]
        code = application(tokens)(tokens, print_error=False, exit_on_error=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `leveret dlq ls | head`
        # What is still buffered must not be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        failure = _told(error)
        if failure is None:
            if os.environ.get("LEVERET_LOG_LEVEL", "").upper() == "DEBUG":
                raise
            failure = _bug(error)
        print(f"leveret: {failure}", file=sys.stderr)  # noqa: T201 - this is the command line
        return failure.code
    return code if isinstance(code, int) else DONE


def _told(error: BaseException) -> Failure | None:
    """Return what to say about an error a person can do something about, or None for a bug."""
    if isinstance(error, BaseExceptionGroup):  # tasks that failed together: the first says enough
        return next((told for one in error.exceptions if (told := _told(one))), None)
    if isinstance(error, Failure):
        return error
    # Only what is already imported can have raised; so nothing is imported to find out.
    for module, name, code in (
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
    ):
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return Failure(str(error), code=code)
    return _misuse(error)


def _misuse(error: BaseException) -> Failure | None:
    """Return what the option parser has to say, on one line; None when it is not from there."""
    kind = getattr(sys.modules.get("cyclopts"), "CycloptsError", None)
    if kind is None or not isinstance(error, kind):
        return None
    said = " ".join(str(error).split())
    verb = " ".join(getattr(error, "command_chain", None) or ())
    return Failure(f"{said} (`leveret {verb} --help` says more)".replace("  ", " "), code=WRONG_USE)


def _bug(error: BaseException) -> Failure:
    """Return the one line about an error that nobody foresaw."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{os.path.relpath(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    said = " ".join(str(error).split())
    return Failure(
        f"something went wrong that is not your doing ({type(error).__name__}: {said}, at {place});"
        " please report this line, or see the whole of it with LEVERET_LOG_LEVEL=DEBUG"
    )
