"""`leveret dlq`: dead letters, looked at, understood, sent again, mended or discarded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from cyclopts import Parameter

from workers.cli import DONE, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli import letter_pages as pages
from workers.cli.columns import SHORT
from workers.cli.dlq_actions import All, discard, edit, replay, unknown
from workers.cli.files import written
from workers.cli.letters import (
    ANY_TABLE,
    EVERYTHING,
    Filters,
    Json,
    Registries,
    Table,
    do,
    exit_code,
    foretold,
    line,
    place,
    put,
    warn,
)
from workers.cli.options import NOWHERE, Where, Whole, whole
from workers.cli.say import say, write
from workers.counting import plural
from workers.deadletters.exporting import as_line, as_test, group_of, summary_of

if TYPE_CHECKING:
    from workers.deadletters import Letter, Masking, Shown

__all__ = ["discard", "edit", "export", "groups", "history", "ls", "replay", "show"]

#: Letters in one written test, where nobody says.
TESTED: Final = 20


def ls(
    *,
    filters: Filters = EVERYTHING,
    limit: Annotated[Whole, Parameter(name=["--limit", "-n"], help="Letters a page; 0: all.")] = 20,
    page: Annotated[Whole, Parameter(help="Which page, from 1.")] = 1,
    after: Annotated[str, Parameter(help="The id after which the page begins.")] = "",
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """List dead letters, newest first. Looking disturbs nothing. Exit code 3 where none fits.

    Example: `leveret dlq ls --code invalid_payload --since 2h`
    """
    if limit < 0 or page < 1:
        raise Failure("--limit is 0 or more and --page is 1 or more", code=WRONG_USE)
    at = place(table, where)
    selection = filters.selection()
    found = do(at.bench.ls(selection, limit=limit, page=page, after=after, scan=at.scan))
    warn(found.standing)
    if json:
        write(*(line(summary_of(one)) for one in found.letters))
    elif found.letters:
        put(pages.letters(found.letters, datetime.now(UTC)))
        last = found.before + len(found.letters)
        say(
            f"{found.before + 1} to {last} of {plural(found.matching, 'letter')}"
            + (f" ({found.standing.open} open)" if not selection.everything else "")
            + (f"; --page {page + 1} shows more" if found.more and not after else "")
        )
    if found.matching and not found.letters:
        told = plural(found.matching, "letter")
        say(f"there is no page {page}: {told} in all; begin at --page 1")
        return NOTHING_FOUND
    return exit_code(found.letters, selection, found.standing)


def groups(
    *,
    filters: Filters = EVERYTHING,
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Group dead letters by what went wrong, the largest group first. Exit code 3 where none fits.

    Example: `leveret dlq groups --since 1d`
    """
    at = place(table, where)
    selection = filters.selection()
    found = do(at.bench.groups(selection, scan=at.scan))
    warn(found.standing)
    if json:
        write(*(line(group_of(one)) for one in found.groups))
    elif found.groups:
        put(pages.groups(found.groups, datetime.now(UTC)))
        say(
            f"{plural(found.matching, 'letter')} in {plural(len(found.groups), 'group')}; "
            f"`leveret dlq show {found.groups[0].example_id[:SHORT]}` shows the latest of "
            "the largest"
        )
        say(pages.scale(found.groups))
    return exit_code(found.groups, selection, found.standing)


def show(
    letter_id: str,
    /,
    *,
    full: Annotated[bool, Parameter(negative="", help="The whole body, however long.")] = False,
    raw: Annotated[bool, Parameter(negative="", help="Also what LEVERET_MASK hides.")] = False,
    registry: Registries = [],  # noqa: B006 - cyclopts copies it
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Show one letter: why it failed, its body with the places marked, what a replay would do now.

    Example: `leveret dlq show 1f2e3d4c`
    """
    at = place(table, where, registries=registry, masked=not raw)
    shown = do(at.bench.show(letter_id, scan=at.scan))
    warn(shown.standing)
    if json:
        write(line(_document(shown, at.bench.operator.masking)))
    else:
        put(pages.letter(shown, datetime.now(UTC), full=full))
    return DONE


def export(
    *ids: str,
    filters: Filters = EVERYTHING,
    everything: All = False,  # noqa: ARG001 - it is so without; said as to replay and discard
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="A file; standard output by default.")
    ] = None,
    pytest: Annotated[
        bool, Parameter(negative="", help="As a test that fails until the code is mended.")
    ] = False,
    limit: Annotated[
        int | None,
        Parameter(
            name=["--limit", "-n"],
            converter=whole,
            help="Letters, the newest; 20 for --pytest.",
        ),
    ] = None,
    raw: Annotated[bool, Parameter(negative="", help="Also what LEVERET_MASK hides.")] = False,
    registry: Registries = [],  # noqa: B006 - cyclopts copies it
    json: Annotated[bool, Parameter(negative="", show=False)] = False,  # noqa: ARG001 - it always is
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Write letters as lines of JSON, or as a pytest. Exit code 3 where none fits.

    Example: `leveret dlq export 1f2e3d4c --pytest -o tests/test_dead_letters.py`
    """
    _no_less_than_none(limit)
    selection = filters.selection(ids)
    at = place(table, where, masked=not raw)
    masking = at.bench.operator.masking
    most = (TESTED if pytest else 0) if limit is None else limit
    found: list[Letter] = []
    with written(output) as write_out:

        def take(letter: Letter) -> None:
            if pytest:
                found.append(letter)
            else:
                write_out(as_line(letter, masking))

        count, standing = do(
            at.bench.export(selection, take, limit=most, scan=at.scan, unknown=unknown)
        )
        warn(standing)
        if pytest and found:
            offered = () if registry else at.settings.processors
            source = as_test(found, masking, modules=registry, offered=offered)
            write_out(source.encode())
    if output is not None and count:
        say(f"{plural(count, 'letter')} written to {output}")
    return exit_code(range(count), selection, standing)


def history(
    letter_id: Annotated[str, Parameter(help="Only what was done with this letter.")] = "",
    /,
    *,
    limit: Annotated[Whole, Parameter(name=["--limit", "-n"], help="Actions; 0: all.")] = 20,
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Tell what was done with dead letters: who, when, why, and how it ended; newest first.

    Example: `leveret dlq history`
    """
    _no_less_than_none(limit)
    at = place(table, where)
    deeds = do(at.bench.history(letter_id))[: limit or None]
    if json:
        write(*(line(deed) for deed in deeds))
    elif deeds:
        put(pages.history(deeds, datetime.now(UTC)))
    else:
        say("nothing was done yet")
    return DONE if deeds else NOTHING_FOUND


def _no_less_than_none(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise Failure("--limit is 0 or more; 0 is all of them", code=WRONG_USE)


def _document(shown: Shown, masking: Masking) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(as_line(shown.letter, masking))
    return document | {
        "open": shown.open,
        "destination": shown.destination,
        "replay": foretold(shown.foreseen),
        "deeds": shown.deeds,
        "marks": [
            {"line": one.number, "text": one.text, "marks": one.marks}
            for one in shown.body.lines
            if one.marks
        ],
    }
