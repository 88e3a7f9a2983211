"""The benchmark that needs no broker runs: it is put together from the worker's own parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PATH = Path(__file__).parents[3] / "benchmarks" / "path.py"


def test_the_path_of_a_message_is_measured_whole_and_stage_by_stage() -> None:
    """For people: microseconds."""
    run = subprocess.run(
        [sys.executable, PATH, "--messages", "400"], capture_output=True, text=True, check=True
    )
    whole, *stages = run.stdout.splitlines()
    assert whole.endswith("µs a message in all")
    assert {"frames (many at once)", "decode and validate", "pipeline.handle, all of it"} <= {
        stage[2:36].rstrip() for stage in stages
    }
