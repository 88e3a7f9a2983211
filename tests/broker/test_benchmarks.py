"""The comparison with the peers runs to its end, here with leveret alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers.py"


def test_a_contender_is_measured_and_told_in_a_line() -> None:
    """As a line of JSON, with a figure for each thing that is compared."""
    run = subprocess.run(
        [sys.executable, PEERS, "--quick", "--only", "leveret", "--rounds", "1", "--seconds", "0"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    row = json.loads(run.stdout)
    assert (row["contender"], row["queue"]) == ("leveret", "quorum")
    assert min(row["messages_per_second"], row["cpu_us_per_message"], row["p99_ms"]) > 0
