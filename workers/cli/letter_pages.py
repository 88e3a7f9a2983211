"""Dead letters as text for people: lists of 80 columns, and one letter with its errors marked."""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Final

from workers.cli.columns import DIM, PLAIN, RED, SHORT, age, below, coloured, columns, length, table
from workers.cli.letters import UNJUDGED
from workers.deadletters.groups import spanned
from workers.logs.clean import clean
from workers.settling.replays import DONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workers.deadletters import Deed, Group, Letter, Shape, Shown, Summary
    from workers.settling.replays import Replayed

#: Lines of a body that are shown whole; of a longer one, those around the marks.
WHOLE: Final = 120
#: Lines shown before and after a mark in a longer body.
AROUND: Final = 3
#: Columns for the names beside what is told of a letter.
NAMES: Final = 13
#: Codes that may only say that the wrong processors are asked.
_UNKNOWN: Final = frozenset({"unknown_task_type", "unknown_message_type"})


def letters(rows: Iterable[Summary], now: datetime) -> str:
    """Return a list of letters."""
    return table(
        ("ID", "FAILED", "CODE", "MESSAGE", "TRIES", "FROM"),
        (
            (
                one.id[:SHORT],
                age(one.failed_at, now),
                one.error_code,
                kind(one),
                str(one.attempts or "?"),
                one.agent,
            )
            for one in rows
        ),
        right="TRIES",
        tails="MESSAGE",
    )


def groups(rows: Iterable[Group], now: datetime) -> str:
    """Return a list of groups, below each why."""
    shown = list(rows)
    listed = table(
        ("COUNT", "FINGERPRINT", "CODE", "MESSAGE", "LAST", "TREND"),
        (
            (
                str(one.count),
                one.fingerprint[:SHORT],
                one.error_code,
                kind(one),
                age(one.last_seen, now),
                one.sparkline,
            )
            for one in shown
        ),
        right="COUNT",
        tails="MESSAGE",
    )
    dim, plain = (DIM, PLAIN) if coloured() else ("", "")
    head, *lines = listed.split("\n")
    for line, one in zip(lines, shown, strict=True):
        head += f"\n{line}"
        if one.reason:
            head += f"\n{dim}{below(one.reason)}{plain}"
    return head


def scale(rows: Iterable[Group]) -> str:
    """Return what a column of the trends stands for."""
    span = spanned(rows)
    if span is None:
        return "TREND is empty: none of them says when it failed"
    first, last, each = span
    if not each:
        return f"TREND has one column: all failed at {first[:19]} UTC"
    times = f"from {first[:19]} to {last[:19]} UTC"
    return f"a column of TREND is {length(each)}, {times}; the highest bar is the most of its group"


def history(deeds: Iterable[Deed], now: datetime) -> str:
    """Return a list of what was done, below each edit what it changed."""
    shown = list(deeds)
    listed = table(
        ("WHEN", "WHO", "DID", "LETTERS", "HOW IT ENDED", "WHY"),
        (
            (
                age(one.began, now),
                one.who or one.by,
                one.verb,
                f"{one.done}/{one.meant}" if one.meant else str(one.done),
                one.told,
                one.why or one.selection,
            )
            for one in shown
        ),
        right="LETTERS",
    )
    head, *lines = listed.split("\n")
    for line, one in zip(lines, shown, strict=True):
        head += "".join(f"\n{text}" for text in (line, *(below(c.told) for c in one.changes)))
    return head


def letter(shown: Shown, now: datetime, *, full: bool = False) -> str:
    """Return one letter: what it is, why it failed, what a replay would do, and its body."""
    one = shown.letter
    rows = [
        ("letter", one.id + ("" if shown.open else "  (no longer open)")),
        ("failed", f"{one.failed_at or 'unknown'} ({age(one.failed_at, now)})"),
        ("code", one.error_code),
        ("reason", one.diagnosis.reason),
        ("message", f"{kind(one)} from {one.agent or 'nobody named'}, {one.size} bytes"),
        ("came by", f"{one.exchange or '(default)'} → {one.queue or 'unknown'}"),
        ("attempts", f"{one.attempts or 'unknown'}, the last by {one.worker or 'the broker'}"),
        ("fingerprint", one.fingerprint),
        *([("replay of", f"{one.replay_of} (replay {one.replays})")] if one.replay_of else ()),
        *([("replayed", _ended(shown.replayed))] if shown.replayed else ()),
        *([("replay now", _foretold(shown))] if shown.open else ()),
    ]
    parts = ["\n".join(_wrapped(name, clean(text, 400)) for name, text in rows)]
    if one.history:
        parts.append(_attempts(one))
    if shown.deeds:
        parts.append("done with it\n" + _indented(history(shown.deeds, now)))
    parts.append(_headers(one.properties.headers))
    parts.append(body(shown.body, full=full))
    return "\n\n".join(part for part in parts if part)


def body(shape: Shape, *, full: bool = False) -> str:
    """Return the lines of a body, numbered, with marks below the offending ones."""
    red, dim, plain = (RED, DIM, PLAIN) if coloured() else ("", "", "")
    lines = shape.lines
    near = {
        number
        for line in lines
        if line.marks
        for number in range(line.number - AROUND, line.number + AROUND + 1)
    }
    told = [f"body ({shape.form})"]
    hidden = 0
    for line in lines:
        if not full and len(lines) > WHOLE and line.number > AROUND and line.number not in near:
            hidden += 1
            continue
        if hidden:
            told.append(f"{dim}      … {hidden} lines{plain}")
            hidden = 0
        mark, colour = (">", red) if line.marks else (" ", "")
        told.append(
            f"{colour}{mark}{line.number:>4} {clean(line.text, 500)}{plain if colour else ''}"
        )
        under = " " * (len(line.text) - len(line.text.lstrip(" ")))
        told.extend(f"{red}      {under}^ {clean(text, 300)}{plain}" for text in line.marks)
    if hidden or shape.more:
        told.append(f"{dim}      … {hidden + shape.more} lines more (--full){plain}")
    told.extend(f"{red}      ! {clean(text, 300)}{plain}" for text in shape.elsewhere)
    return "\n".join(told)


def kind(one: Summary | Group) -> str:
    """Return the types of a message on one line."""
    return f"{one.message_type}/{one.task_type}" if one.task_type else one.message_type


def _foretold(shown: Shown) -> str:
    foreseen = shown.foreseen
    where = f" (goes to {shown.destination})" if shown.destination else ""
    if foreseen is None:
        return f"cannot be judged: {UNJUDGED}{where}"
    if not foreseen.passes:
        hint = "; -r MODULE:REGISTRY names others" if foreseen.error_code in _UNKNOWN else ""
        return f"would fail again: {foreseen.error_code}: {foreseen.reason}{hint}"
    if foreseen.undecided:
        return f"only a run can tell: the models take it, the processor decides{where}"
    return f"would now pass{where}"


def _ended(told: Replayed) -> str:
    what = "done" if told.end == DONE else f"failed and is tried again: {told.reason}"
    return f"{what} (by {told.worker}, {told.at[:19]})"


def _attempts(one: Letter) -> str:
    lines = [
        f"  {tried.attempt:>2}  {tried.failed_at[:19]}  {tried.error_code} by {tried.worker}: "
        f"{tried.reason}"
        for tried in one.history
    ]
    fill = textwrap.TextWrapper(columns(), subsequent_indent=" " * 6, break_on_hyphens=False).fill
    return "\n".join(["attempts", *(fill(clean(line, 300)) for line in lines)])


def _headers(headers: Mapping[str, object]) -> str:
    """Return the sender's headers; ours are told in words above."""
    own = {
        name: value for name, value in headers.items() if not name.startswith(("leveret-", "x-"))
    }
    if not own:
        return ""
    return "\n".join(
        ["headers", *(f"  {clean(f'{name}: {value}', 200)}" for name, value in own.items())]
    )


def _wrapped(name: str, text: str) -> str:
    """Return a name and a text, its further lines below its first."""
    lead = f"{name:<{NAMES}}"
    return textwrap.fill(
        text,
        columns(),
        initial_indent=lead,
        subsequent_indent=" " * NAMES,
        break_on_hyphens=False,
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
