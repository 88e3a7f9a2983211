"""The documentation, followed by a reader who types what it says, on a broker of this run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from docs.pages import FOLLOWED, Type, Write, matches, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
#: Seconds one line of a page may take.
LINE_WITHIN: Final = 60
PAGES: Final = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if FOLLOWED in page.read_text(encoding="utf-8")
]


class Reader:
    """Types into a shell in a directory of its own."""

    def __init__(self, place: Path, amqp_url: str) -> None:
        self._place = place
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LEVERET_")}
        self._environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LEVERET_AMQP_URL": amqp_url,
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def do(self, step: Write | Type) -> None:
        """Take a step of the page; fails with what was seen where it does not go as shown."""
        if isinstance(step, Write):
            file = self._place / step.name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as writing:
                writing.write(step.text)
        elif step.in_background:
            self._running.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {step.command.removesuffix('&')}"],
                    cwd=self._place,
                    env=self._environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                ),
            )
        else:
            self._type(step)

    def stop(self) -> None:
        """End what still runs, as Ctrl-C would."""
        for process in self._running:
            process.send_signal(signal.SIGINT)
        for process in self._running:
            process.wait(LINE_WITHIN)

    def _type(self, step: Type) -> None:
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=self._place,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LINE_WITHIN,
            check=False,
        )
        seen = f"$ {step.command}\n{done.stdout}{done.stderr}"
        assert done.returncode == step.exit_code, f"exit code {done.returncode}: {seen}"
        assert matches(step.expected, done.stdout + done.stderr), (
            f"the page shows\n{step.expected}\nbut this came:\n{seen}"
        )


@pytest.fixture
def reader(tmp_path: Path, amqp_url: str) -> Iterator[Reader]:
    """Lend somebody who types, and end what was started."""
    typing = Reader(tmp_path, amqp_url)
    yield typing
    typing.stop()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_does_what_it_says(page: Path, reader: Reader) -> None:
    """Whoever copies a page line by line sees what the page shows."""
    for step in steps(page):
        reader.do(step)
