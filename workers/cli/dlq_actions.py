"""The verbs of `leveret dlq` that change something: replay, edit, discard."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from workers.cli import DONE, FAILED, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli import letter_pages as pages
from workers.cli.acting import carried_out, though_unread
from workers.cli.editing import edited, kept_text, sets
from workers.cli.letters import (
    ANY_TABLE,
    EVERYTHING,
    UNJUDGED,
    Filters,
    Json,
    Registries,
    Table,
    Yes,
    do,
    exit_code,
    foretold,
    line,
    place,
    put,
    warn,
)
from workers.cli.options import NOWHERE, Where, not_negative
from workers.cli.run_lines import counted
from workers.cli.say import say, write
from workers.counting import plural
from workers.deadletters import Pace, Unrestored
from workers.deadletters.pacing import CANARY_WAIT, DEFAULT_RATE

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from workers.deadletters import Foreseen, Meant, Proposal, Selection, Shown

#: For the history.
Why = Annotated[str, Parameter(help="For the history.")]
All = Annotated[bool, Parameter(name="--all", negative="", help="All letters.")]


def replay(
    *ids: str,
    filters: Filters = EVERYTHING,
    everything: All = False,
    yes: Yes = False,
    rate: Annotated[
        float, Parameter(validator=not_negative, help="Letters a second at most; 0: no limit.")
    ] = DEFAULT_RATE,
    canary: Annotated[
        bool, Parameter(help="Send one letter of each kind first, and wait for it.")
    ] = True,
    wait: Annotated[
        float, Parameter(validator=not_negative, help="Seconds a canary has to fail.")
    ] = CANARY_WAIT,
    anyway: Annotated[
        bool, Parameter(negative="", help="Also letters that would be refused again.")
    ] = False,
    to: Annotated[str, Parameter(help="The queue to send to, where it is not the own one.")] = "",
    why: Why = "",
    registry: Registries = [],  # noqa: B006 - cyclopts copies it
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Send dead letters again; without --yes only say what would come of it.

    One letter of each kind goes first and alone. If it comes back, the rest of its kind stays;
    if not, the others follow, slowly at first. Ctrl-C stops between two letters.

    Example: `leveret dlq replay --fingerprint d461dac7 --rate 50 --yes`
    """
    selection = _chosen(ids, filters, everything=everything)
    at = place(table, where, registries=registry, to=to)
    proposal = do(at.bench.preview(selection, scan=at.scan))
    warn(proposal.meant.standing)
    _named(proposal.meant)
    if not proposal.meant.count and not (yes and proposal.meant.standing.left_over):
        return exit_code((), selection, proposal.meant.standing)
    if not yes:
        _propose(proposal, json=json, yes=False)
        return DONE
    if not json:
        with though_unread():
            _propose(proposal, json=False, yes=True)
    if not (proposal.passing or anyway or proposal.meant.standing.left_over):
        raise Failure("none of them would pass, so nothing was sent; --anyway sends them")
    pace = Pace(rate=rate, canary=canary, wait=wait)
    return _act(carried_out(at.bench.replay(proposal, pace, why=why, anyway=anyway), json=json))


def edit(
    letter_id: str,
    /,
    *,
    changes: Annotated[
        list[str],
        Parameter(name="--set", negative="", help="POINTER=JSON, such as /payload/request/x=3."),
    ] = [],  # noqa: B006 - cyclopts copies it
    file: Annotated[Path | None, Parameter(help="The new body; - is standard input.")] = None,
    anyway: Annotated[bool, Parameter(negative="", help="Send it though it is refused.")] = False,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Only say what would come of it.")
    ] = False,
    why: Why = "",
    registry: Registries = [],  # noqa: B006 - cyclopts copies it
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Mend a letter's body, in $EDITOR or by --set, and send it; it is validated before.

    Example: `leveret dlq edit 1f2e3d4c --set /payload/request/parameters/width=640`
    """
    at = place(table, where, registries=registry)
    shown = do(at.bench.show(letter_id, scan=at.scan))
    if not shown.open:
        raise Failure(f"{shown.letter.id} is no open letter any more", code=NOTHING_FOUND)
    body = edited(shown, sets(changes), file)
    try:
        at.bench.operator.masking.restore(body, shown.letter.body)
    except Unrestored as error:
        raise Failure(f"{error}{'' if changes else _kept(shown, body)}", code=WRONG_USE) from None
    foreseen = do(at.bench.preview_edit(shown.letter.id, body))
    if foreseen is not None and not foreseen.passes and not (anyway or dry_run):
        return _refused(shown, b"" if changes else body, foreseen)
    if dry_run:
        told = {"id": shown.letter.id, **foretold(foreseen)}
        write(line(told)) if json else say(_verdict(foreseen))
        return DONE if foreseen is None or foreseen.passes else FAILED
    running = do(at.bench.edit(shown.letter.id, body, why=why))
    return _act(carried_out(running, json=json))


def discard(
    *ids: str,
    reason: Annotated[str, Parameter(help="Why, for the history; needed.")] = "",
    filters: Filters = EVERYTHING,
    everything: All = False,
    yes: Yes = False,
    json: Json = False,
    table: Table = ANY_TABLE,
    where: Where = NOWHERE,
) -> int:
    """Remove dead letters for good; without --yes only say which. The journal keeps them a while.

    Example: `leveret dlq discard --code expired --until 7d --reason "nobody waits" --yes`
    """
    selection = _chosen(ids, filters, everything=everything)
    if not reason.strip():
        raise Failure(
            "a reason is required: what is discarded is gone, and the history tells whoever asks "
            'later why; say it with --reason "…"',
            code=WRONG_USE,
        )
    at = place(table, where)
    meant = do(at.bench.meant(selection, scan=at.scan))
    warn(meant.standing)
    _named(meant)
    if not meant.count:
        return exit_code((), selection, meant.standing)
    if not yes:
        if json:
            write(line({"meant": meant.count, "done": 0}))
        else:
            put(pages.groups(meant.groups, datetime.now(UTC)))
            say(
                f"{plural(meant.count, 'letter')} would be discarded; nothing is done without --yes"
            )
        return DONE
    return _act(carried_out(at.bench.discard(meant, why=reason), json=json))


def _act(work: Coroutine[Any, Any, int]) -> int:
    code: int = do(work)
    return code


def _chosen(ids: tuple[str, ...], filters: Filters, *, everything: bool) -> Selection:
    selection = filters.selection(ids)
    if selection.everything and not everything:
        raise Failure(
            "say which letters: ids, a filter such as --fingerprint, or --all", code=WRONG_USE
        )
    return selection


def _named(meant: Meant) -> None:
    for one in meant.unknown:
        unknown(one)


def unknown(letter_id: str) -> None:
    """Say that an id, or the beginning of one, fits no open letter that is meant."""
    say(f"no open letter is called {letter_id!r}")


def _propose(proposal: Proposal, *, json: bool, yes: bool) -> None:
    if json:
        told = {
            "meant": proposal.meant.count,
            "passing": len(proposal.passing),
            "undecided": proposal.undecided,
            "failing": proposal.failing,
            "queues": proposal.queues,
        }
        write(line(told))
        return
    lines = [proposal.told]
    lines += [
        f"  {count:>7}  {'goes' if count == 1 else 'go'} to {queue or 'an unknown queue'}"
        for queue, count in proposal.queues.items()
    ]
    put("\n".join(lines))
    if proposal.failing:
        put("would fail again:\n" + counted(proposal.failing))
    if proposal.unjudged:
        say(f"{plural(proposal.unjudged, 'letter')} cannot be judged: {UNJUDGED}")
    if not yes:
        also = ", and what only a run can tell of" if proposal.undecided else ""
        say(f"nothing was sent; --yes sends what would pass{also}")


def _refused(shown: Shown, body: bytes, foreseen: Foreseen) -> int:
    for error in foreseen.errors:
        say(f"{error.pointer or '/'}: {error.message}")
    if not body:
        raise Failure(f"{_verdict(foreseen)}; nothing was sent, and --anyway sends it all the same")
    raise Failure(
        f"{_verdict(foreseen)}; nothing was sent{_kept(shown, body)}, or send it --anyway",
    )


def _kept(shown: Shown, body: bytes) -> str:
    """Keep a person's text in a file, and return where it is and what to do with it."""
    kept = kept_text(f"{shown.letter.id}.json", body)
    return f"; your text is in {kept}: mend it and give it with --file"


def _verdict(foreseen: Foreseen | None) -> str:
    if foreseen is None:
        return f"it cannot be judged: {UNJUDGED}"
    if foreseen.passes:
        return "only a run can tell" if foreseen.undecided else "it would now pass"
    return f"it would fail again: {foreseen.error_code}: {foreseen.reason}"
