"""What `leveret new` says to type next, typed: a project of one's own that passes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from readme.test_commands import make


def test_make_test_of_a_new_project_passes_at_once(tmp_path: Path) -> None:
    """Its environment is made, leveret installed into it, and its tests pass, with a broker too."""
    project = tmp_path / "my-workers"
    subprocess.run(
        [sys.executable, "-m", "workers.cli", "new", "my-workers", "--into", str(project)],
        check=True,
    )
    done = make(project, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
