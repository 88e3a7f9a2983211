"""Draws what `peers.py` and `tables.py` printed: an SVG a table, for the documentation.

python benchmarks/plots.py results/peers.jsonl results/tables.jsonl --into docs/images
"""

from __future__ import annotations

import argparse
import json
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 720
ROW: Final = 22
LEFT: Final = 150
RIGHT: Final = 70
TITLES: Final = {
    "peers": "messages per second, one worker, {}",
    "prefetch": "messages per second by prefetch",
    "body": "messages per second by size of the body",
    "depth": "messages per second by depth of the queue",
    "load": "99th percentile of round trips in ms, everybody sent the same number a second",
    "processes": "messages per second by worker processes",
    "bad": "messages per second by share of bad messages",
    "inbox": "messages per second with an inbox",
    "sleeper": "messages per second by share of tasks that sleep 1 s",
}
#: Reads on white and on black.
STYLE: Final = """<style>
text{font:13px system-ui,sans-serif;fill:#444}
.own{fill:#c2571a}.other{fill:#8a8f98}.limit{fill:#5b7f95}.head{font-weight:600}
@media(prefers-color-scheme:dark){text{fill:#ccc}}
</style>"""


def bars(title: str, groups: list[tuple[str, list[tuple[str, float]]]]) -> str:
    """Return a bar chart: groups with a heading each, a bar a contender, the figure behind it."""
    most = max(value for _, rows in groups for _, value in rows)
    parts: list[str] = []
    y = 30
    for heading, rows in groups:
        if heading:
            parts.append(f'<text class="head" x="8" y="{y + 14}">{escape(heading)}</text>')
            y += ROW
        for name, value in rows:
            length = (WIDTH - LEFT - RIGHT) * value / most
            kind = {"leveret": "own", "c": "limit"}.get(name, "other")
            parts.append(
                f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
                f'<rect class="{kind}" x="{LEFT}" y="{y + 2}" width="{length:.1f}" height="15"/>'
                f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{value:,.0f}</text>',
            )
            y += ROW
        y += 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 4}" role="img" '
        f'aria-label="{escape(title)}">{STYLE}<text class="head" x="8" y="18">{escape(title)}'
        f"</text>{''.join(parts)}</svg>\n"
    )


def drawn(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return the charts by the name of their file."""
    charts = {}
    peers = [row for row in rows if "queue" in row]
    for queue in dict.fromkeys(row["queue"] for row in peers):
        here = [row for row in peers if row["queue"] == queue]
        here.sort(key=lambda row: -row["messages_per_second"])
        values = [(row["contender"], float(row["messages_per_second"])) for row in here]
        title = TITLES["peers"].format(f"{queue} queue")
        charts[f"bench-peers-{queue}.svg"] = bars(title, [("", values)])
    tables = [row for row in rows if "axis" in row]
    for axis, of_axis in groupby(tables, key=lambda row: str(row["axis"])):
        groups = [
            (value, [(row["contender"], _figure(row)) for row in few])
            for value, few in groupby(of_axis, key=lambda row: str(row["value"]))
        ]
        charts[f"bench-{axis}.svg"] = bars(TITLES[axis], groups)
    return charts


def _figure(row: dict[str, Any]) -> float:
    """Return how long a row's bar is: what it is about, messages or waiting."""
    return float(row["p99_ms"] if row["axis"] == "load" else row["messages_per_second"])


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    rows = [json.loads(line) for file in given.results for line in file.read_text().splitlines()]
    given.into.mkdir(parents=True, exist_ok=True)
    for name, chart in drawn(rows).items():
        (given.into / name).write_text(chart, encoding="utf-8")
        print(given.into / name)


if __name__ == "__main__":
    main()
