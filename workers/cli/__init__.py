"""The `leveret` command: one file a verb group, imported only when it is called."""

from __future__ import annotations

import os
import sys

from workers.cli import interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: Exit codes, as interface.md section 2 promises them.
DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
NOTHING_FOUND: Final = 3
NO_BROKER: Final = 4
INTERRUPTED: Final = interrupts.INTERRUPTED
#: What a lone `-` stands for; the option parser would take it for an option without a name.
STDIN: Final = "/dev/stdin"


class Failure(Exception):
    """Ends a command with one line on stderr and this exit code."""

    def __init__(self, line: str, *, code: int = FAILED) -> None:
        super().__init__(line)
        self.code = code


def main() -> None:
    """Run the command line and exit; an error is one line on stderr, never a traceback."""
    interrupts.leaves_at_once()
    code = _run()
    interrupts.changes_nothing()
    sys.exit(code)


def _run() -> int:
    from workers.cli import streams  # noqa: PLC0415 - `import workers.cli` stays free

    streams.stand_in()
    try:
        code = _called([STDIN if one == "-" else one for one in sys.argv[1:]])
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # so rich ends a page nobody reads
            return DONE
        raise
    except Exception as error:  # noqa: BLE001 - told as one line, or raised again
        if interrupts.is_behind(error):
            return INTERRUPTED
        unwritten = streams.unwritten(error)
        return said(error) if unwritten is None else _cut_short(unwritten)
    unwritten = streams.unwritten(None)
    return code if unwritten is None else _cut_short(unwritten)


def _called(tokens: list[str]) -> int:
    from workers.cli.app import application  # noqa: PLC0415 - likewise

    app = application(tokens)
    command, bound, _ = app.parse_args(tokens, print_error=False, exit_on_error=False)
    interrupts.raises()
    code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, int) else DONE


def _cut_short(error: OSError) -> int:
    """Return the exit code where standard output took no more; a reader may have had enough."""
    if isinstance(error, BrokenPipeError):  # `leveret dlq ls | head`
        return DONE
    return _said(Failure(f"standard output cannot be written: {error.strerror}"))


def said(error: Exception) -> int:
    """Say on one line what ended the command, and return the exit code for it."""
    from workers.cli import telling  # noqa: PLC0415 - likewise

    failure = telling.told(error)
    if failure is None:
        if os.environ.get("LEVERET_LOG_LEVEL", "").upper() == "DEBUG":
            raise error
        failure = telling.bug(error)
    return _said(failure)


def _said(failure: Failure) -> int:
    print(f"leveret: {failure}", file=sys.stderr)  # noqa: T201 - this is the command line
    return failure.code
