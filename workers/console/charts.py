"""A row of numbers → the paths of a small chart. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The chart's own units; the page scales it.
WIDTH = 160
HEIGHT = 36
#: Room for the line's width at the top and at the bottom.
MARGIN = 2


class Spark(NamedTuple):
    """What an SVG needs of a chart."""

    width: int
    height: int
    line: str
    area: str
    #: Where the last point is.
    x: float
    y: float
    #: Whether there is anything to draw.
    empty: bool


def spark(values: Sequence[float | None], span: int = 0) -> Spark:
    """Return the chart of the values, oldest first, from zero to their highest.

    With a `span` the chart has room for that many values and fills from the right. A None is a gap:
    nobody knows.
    """
    count = max(span, len(values), 2)
    known = [value for value in values if value is not None]
    if not known:
        return Spark(WIDTH, HEIGHT, "", "", 0, HEIGHT, empty=True)
    top = max(known) or 1.0
    first = count - len(values)
    points = [
        None if value is None else (_x(first + place, count), _y(value, top))
        for place, value in enumerate(values)
    ]
    line, area = [], []
    for run in _runs(points):
        drawn = " L".join(f"{x:g},{y:g}" for x, y in run)
        line.append(f"M{drawn}")
        area.append(f"M{run[0][0]:g},{HEIGHT} L{drawn} L{run[-1][0]:g},{HEIGHT} Z")
    last = next(point for point in reversed(points) if point is not None)
    return Spark(WIDTH, HEIGHT, " ".join(line), " ".join(area), *last, empty=False)


def _x(place: int, count: int) -> float:
    return round(place * (WIDTH - MARGIN) / (count - 1), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN), 1)


def _runs(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]
