"""The table in `docs/guarantees.md`: rows of a run replace the rows of earlier runs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from faults.scales import Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.row import Figure

COLUMNS: Final = (
    "fault",
    "scale",
    "messages",
    "strikes",
    "lost",
    "unexpected",
    "answered twice",
    "effects twice",
    "dead letters",
    "longest recovery",
    "and",
)
#: The scale that a smaller run does not replace.
FULL: Final = Size.FULL.value
#: Figures of the run itself, not of the service.
_LEFT_OUT: Final = frozenset({"row_s"})


def line_of(figure: Figure) -> str:
    """Return one line of the table."""
    told = ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in figure.told.items()
        if name not in _LEFT_OUT
    )
    if figure.broken:
        told = f"**does not hold: {'; '.join(figure.broken)}** {told}"
    cells = (
        figure.row,
        figure.scale,
        f"{figure.messages:,}",
        str(figure.strikes),
        str(figure.lost),
        str(figure.unexpected),
        str(figure.doubled),
        str(figure.effects_doubled),
        str(figure.dead),
        "" if figure.recovery is None else f"{figure.recovery:g} s",
        told.replace("|", "/").replace("\n", " "),
    )
    return f"| {' | '.join(cells)} |"


def written(
    page: str, *, broker: str, where: str, figures: Sequence[Figure], order: Sequence[str]
) -> str:
    """Return the page with these figures in the broker's table.

    Rows that are not among them stay as they were, and so does what was found in full, unless a
    smaller run found a broken promise; rows that are in no `order` any more go. `where` tells
    machine and date. Raises ValueError where the page has no place for the broker.
    """
    begin, end = f"<!-- faults {broker} -->\n", "<!-- end of faults -->"
    before, found, rest = page.partition(begin)
    inside, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no line {begin.strip()!r} with {end!r} behind it")
    lines = {cells[0]: line for line in inside.splitlines() if (cells := _cells(line))}
    for figure in figures:
        known = _cells(lines.get(figure.row, ""))
        if figure.broken or figure.scale == FULL or known[1:2] != [FULL]:
            lines[figure.row] = line_of(figure)
    body = "\n".join(lines[name] for name in order if name in lines)
    head = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    return f"{before}{begin}\n{where}\n\n{head}\n{body}\n{end}{after}"


def _cells(line: str) -> list[str]:
    """Return what stands in a line of the table; nothing for its head and what is around it."""
    if not line.startswith("| ") or line.startswith(f"| {COLUMNS[0]} |"):
        return []
    return line.removeprefix("| ").removesuffix(" |").split(" | ")
