"""The README's two commands, typed on a clean clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
#: Seconds for a set-up from nothing, packages included.
WITHIN: Final = 600


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a clone of what is committed, without anything made here."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout, so there is nothing to clone")
    place = tmp_path_factory.mktemp("clone") / "leveret"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place)], check=True)
    return place


def temporary(place: Path) -> Path:
    """Give the place for temporary files of what is done there."""
    found = place.parent / "tmp"
    found.mkdir(exist_ok=True)
    return found


def make(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Type a make command in a shell that knows nothing of this run."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("LEVERET_", "VIRTUAL_ENV"))}
    known["TMPDIR"] = str(temporary(place))
    return subprocess.run(
        ["make", *arguments],
        cwd=place,
        env=known,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def test_make_dev_accounts_for_every_message(clone: Path) -> None:
    """`make dev` sets everything up, and its books balance: nothing is lost."""
    done = make(clone, "dev", "ARGS=--once --json")
    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout)
    assert books["lost"] == 0
    assert books["published"] == books["replied"] + books["dead_lettered"] + books["expired"] >= 200
    assert books["dead_lettered"] > 0 < books["retried"]
    assert list(temporary(clone).iterdir()) == []


def test_make_test_passes_its_options_on(clone: Path) -> None:
    """`make test` in the same clone is ready at once, and runs what it is asked for."""
    done = make(clone, "test", "ARGS=-k test_a_page_is_its_files_and_lines tests/unit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout or "[100%]" in done.stdout


def test_nothing_of_it_goes_on(clone: Path) -> None:
    """No process that was started from the clone is left."""
    left = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(clone).encode() in status.read_bytes():
                left.append(status.parent.name)
        except OSError:
            continue
    assert left == []
