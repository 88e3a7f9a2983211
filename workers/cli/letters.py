"""What the verbs of `leveret dlq` share: which letters are meant, and who works on them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from cyclopts import Parameter

from messages import ErrorCode
from messages.nearest import did_you_mean
from topology import Names
from workers.cli import DONE, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli.options import NOWHERE, Where, needed_url, quiet, settings
from workers.cli.say import say, write
from workers.deadletters import (
    Ambiguous,
    BadPointer,
    Desk,
    Foresight,
    Masking,
    NoSuchLetter,
    Operator,
    Scanning,
    Selection,
    TooShort,
    Unrestored,
    Workbench,
)
from workers.loading import load
from workers.registry import RegistrationError
from workers.settings.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from workers.deadletters import Foreseen, Standing
    from workers.settings import Settings

#: `2h`, `30m ago`: so long before now.
_AGO: Final = re.compile(r"(?P<length>[0-9.]+ ?(?:ms|s|m|h|d))(?: ago)?", re.ASCII)
_NO: Final = Parameter(negative="")
#: Error codes that letters have.
_CODES: Final = tuple(code.value for code in ErrorCode)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Filters:
    """Which letters are meant."""

    code: Annotated[str | None, Parameter(help="An error code, such as invalid_payload.")] = None
    type: Annotated[str | None, Parameter(help="A message type.")] = None
    task: Annotated[str | None, Parameter(help="A task type.")] = None
    fingerprint: Annotated[
        str | None, Parameter(help="A group's fingerprint, or its beginning.")
    ] = None
    since: Annotated[str | None, Parameter(help="Failed then or later: 2h, 2026-05-01T12:00.")] = (
        None
    )
    until: Annotated[str | None, Parameter(help="Failed before then.")] = None
    agent: Annotated[str | None, Parameter(help="The agent that sent it.")] = None
    contains: Annotated[str | None, Parameter(help="A text in the body.")] = None

    def selection(self, ids: tuple[str, ...] = ()) -> Selection:
        """Return the selection; ends the command for what means nothing."""
        try:
            return Selection(
                ids=ids,
                error_code=self.code,
                message_type=self.type,
                task_type=self.task,
                fingerprint=self.fingerprint,
                since=instant(self.since),
                until=instant(self.until),
                agent=self.agent,
                contains=self.contains,
            )
        except TooShort as error:
            raise Failure(str(error), code=WRONG_USE) from None


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Table:
    """Whose letters, and how they are looked at."""

    group: Annotated[str | None, Parameter(name=["--group", "-g"], help="Whose letters.")] = None
    queue: Annotated[
        str | None, Parameter(help="Any other queue of dead letters, also another program's.")
    ] = None
    scan: Annotated[
        bool,
        Parameter(negative="", help="Look through the queue too, and note where it differs."),
    ] = False


EVERYTHING: Final = Filters()
#: What to do where nobody can judge a letter.
UNJUDGED: Final = (
    "the processors of its workers are not known here; name them with -r MODULE:REGISTRY, or in "
    "LEVERET_PROCESSORS"
)
ANY_TABLE: Final = Table()
#: Where the processors are that judge what would pass now.
Registries = Annotated[
    list[str],
    Parameter(
        name=["--registry", "-r"],
        negative="",
        help="The workers' processors, as for `leveret run`; by default LEVERET_PROCESSORS.",
    ),
]
Json = Annotated[bool, Parameter(negative="", help="A line of JSON each.")]
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Do it.")]


@dataclass(frozen=True, slots=True)
class Place:
    """An operator's place: the workbench and how it looks."""

    bench: Workbench
    scan: Scanning
    settings: Settings


def place(
    table: Table,
    where: Where = NOWHERE,
    *,
    registries: list[str] | None = None,
    to: str = "",
    masked: bool = True,
) -> Place:
    """Return the workbench; with `registries` (also an empty list) it judges what would pass."""
    chosen = settings(where, group=table.group)
    quiet()
    level = chosen.group_settings().security_level
    try:
        masking = Masking(chosen.mask, level) if masked else Masking()
    except BadPointer as error:
        raise Failure(f"LEVERET_MASK: {error}", code=WRONG_USE) from None
    desk = Desk(
        amqp_url=needed_url(chosen),
        names=Names(chosen.prefix),
        group=chosen.group,
        named=table.queue,
        counted=table.scan,
        connect_timeout=chosen.connect_timeout,
    )
    operator = Operator(
        masking=masking,
        foresight=None if registries is None else _foresight(chosen, registries, desk.user),
        to=to,
    )
    scan = Scanning.ALWAYS if table.scan else Scanning.IF_NEEDED
    return Place(Workbench(desk, operator), scan, chosen)


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what comes of it; ends the command where no letter is called so."""
    try:
        return asyncio.run(work)
    except NoSuchLetter as error:
        raise Failure(str(error), code=NOTHING_FOUND) from None
    except (Ambiguous, TooShort, BadPointer, Unrestored) as error:
        raise Failure(str(error), code=WRONG_USE) from None


def exit_code(found: object, selection: Selection, standing: Standing) -> int:
    """Return the exit code for what was found, and say so where it is nothing.

    A code that is not in our list is wrong use only then: letters of another program, or of a
    newer worker, may carry it.
    """
    if found:
        return DONE
    if (code := selection.error_code) is not None and code not in _CODES:
        near = did_you_mean(code, _CODES) or "; `leveret dlq groups` shows those of the letters"
        raise Failure(f"there is no error code {code[:60]!r}{near}", code=WRONG_USE)
    say("no dead letters" if selection.everything else f"none of {standing.open} letters fits")
    return NOTHING_FOUND


def warn(standing: Standing) -> None:
    """Say what a person should know about an answer."""
    if standing.warning:
        say(standing.warning)
    if standing.busy:
        say("an action is going on; what it has in hand is told as the journal tells it")
    elif standing.left_over:
        say(
            f"an action was interrupted; up to {standing.left_over} letters that it had sent may "
            "still lie in the queue, and the next replay or discard removes them"
        )


def foretold(foreseen: Foreseen | None) -> dict[str, Any]:
    """Return what a replay would do, for programs."""
    if foreseen is None:
        return {"passes": None}
    return {
        "passes": foreseen.passes,
        "undecided": foreseen.undecided,
        "error_code": foreseen.error_code,
        "reason": foreseen.reason,
        "errors": [error._asdict() for error in foreseen.errors],
    }


def line(told: object) -> bytes:
    """Return one line of JSON."""
    return orjson.dumps(told, default=str) + b"\n"


def put(text: str) -> None:
    """Put text for people on standard output."""
    write(text.encode("utf-8", "replace"), b"\n")


def instant(text: str | None) -> datetime | None:
    """Return what `2h`, `3d ago` or an ISO 8601 time means; without a zone it is local time."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip().lower())
    try:
        if ago:
            return datetime.now(UTC) - timedelta(seconds=parse_duration(ago["length"]))
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Failure(
            f"{text!r} is no time; write 30m, 2h or 3d for so long ago, or 2026-05-01T12:00",
            code=WRONG_USE,
        ) from None


def _foresight(chosen: Settings, registries: list[str], user: str) -> Foresight | None:
    try:
        registry = load(registries, offered=chosen.processors)
    except RegistrationError as error:
        if registries:
            raise
        say(f"nobody can tell what would pass now: {error}")
        return None
    # Nobody said which processors the workers have: the examples say nothing of others' types.
    assumed = not registries and "processors" not in chosen.sources
    return Foresight.of(chosen, registry, user=user, assumed=assumed)
