"""The comparison with the peers runs to its end, here with leveret alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers.py"


@pytest.mark.parametrize("queue", ["quorum", "classic"])
def test_a_contender_is_measured_and_told_in_a_line(queue: str) -> None:
    """As a line of JSON, with a figure for each thing that is compared; a round in words."""
    options = ["--quick", "--queue", queue, "--rounds", "1", "--seconds", "0"]
    run = subprocess.run(
        [sys.executable, PEERS, "--only", "leveret", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    row = json.loads(run.stdout)
    assert (row["contender"], row["queue"]) == ("leveret", queue)
    assert min(row["messages_per_second"], row["cpu_us_per_message"], row["p99_ms"]) > 0
    assert f"{queue} round 1 leveret: " in run.stderr
    assert "Measured(" not in run.stderr
