"""How many instructions of the processor a message takes: a figure that no neighbour changes.

    python benchmarks/instructions.py [--messages N]

Each stage of `path.py` runs under valgrind (`apt-get install valgrind`) for some messages, and for
twice as many; the difference is theirs alone. It takes some six minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from path import STAGES, WHOLE

PATH: Final = Path(__file__).with_name("path.py")
_COLLECTED: Final = re.compile(r"Collected : (\d+)")


def counted(stage: str, messages: int) -> int:
    """Return the instructions of a whole run of one stage, Python's own start included."""
    run = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable),
            *(str(PATH), "--messages", str(messages), "--only", stage),
        ],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    found = _COLLECTED.search(run.stderr)
    assert found is not None, run.stderr
    return int(found[1])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=2_000)
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind counts them, and is not here: apt-get install valgrind")
    for stage in (WHOLE, *STAGES):
        once, twice = (counted(stage, count) for count in (given.messages, 2 * given.messages))
        print(f"{stage:<34}{(twice - once) / given.messages:>10,.0f} instructions", flush=True)


if __name__ == "__main__":
    main()
