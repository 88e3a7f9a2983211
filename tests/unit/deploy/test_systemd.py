"""How much of a machine the systemd unit opens, by systemd's own reckoning."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

UNIT: Final = Path(__file__).resolve().parents[3] / "deploy/systemd/leveret@.service"
#: What `systemd-analyze security` calls little exposed; without the hardening it is above 9.
LITTLE: Final = 2.0


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Give an instance of the unit; only the program is another, for ours is not installed."""
    instance = tmp_path / "leveret@default.service"
    instance.write_text(UNIT.read_text().replace("/opt/leveret/bin/leveret", sys.executable))
    return instance


def test_a_worker_that_nobody_stopped_is_started_again() -> None:
    """Whatever its exit code, for a processor may choose that; but not where it cannot start."""
    lines = UNIT.read_text().splitlines()
    assert "Restart=always" in lines
    assert "RestartPreventExitStatus=2" in lines


def test_little_of_the_machine_is_exposed(unit: Path) -> None:
    """A worker that was taken over finds a machine that is mostly shut."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    command = ["systemd-analyze", "security", "--offline=true", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    assert exposure, told.stdout + told.stderr
    assert float(exposure[1]) <= LITTLE
