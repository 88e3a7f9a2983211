"""Fuzzes the decoder for long: `make fuzz`, or `make fuzz ARGS="--seconds 60"`.

Guided by coverage where atheris can be had, which keeps what it finds in `.fuzz`; else by chance.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

try:
    import atheris
except ImportError:
    from fuzz import decoding

    guide = None
else:
    guide = atheris
    with atheris.instrument_imports(include=["messages"]):
        from fuzz import decoding


def main() -> int:
    """Fuzz; with a guide the process ends in it, with what it found in the exit code."""
    parser = argparse.ArgumentParser(description="Fuzz the decoder.")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if guide is None:
        print("atheris is not installed here: going by chance", file=sys.stderr)  # noqa: T201 - a script
        ends = decoding.run(seconds=chosen.seconds, seed=chosen.seed)
        print(f"{sum(ends.values())} bodies: {ends}")  # noqa: T201 - a script
        return 0
    found = Path(".fuzz")
    found.mkdir(exist_ok=True)
    for case in decoding.cases(large=False):
        (found / case.name).write_bytes(case.body)
    limits = [f"-max_total_time={chosen.seconds}", f"-seed={chosen.seed}", "-max_len=4096"]

    def check(body: bytes) -> None:
        decoding.check(body)

    guide.Setup([sys.argv[0], *limits, str(found)], check)
    guide.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
