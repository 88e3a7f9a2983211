"""The documentation, followed by a reader who types what it says, on a broker of this run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Background:
    """A command that goes on while the reader reads on."""

    command: str
    process: subprocess.Popen[bytes]
    output: Path

    def ended(self) -> int:
        """Return the exit code when it has ended; kills it where it does not end by itself."""
        try:
            return self.process.wait(LINE_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Reader:
    """Types into a shell in a directory of its own."""

    def __init__(self, place: Path, amqp_url: str) -> None:
        self._place = place
        self._outputs = place.parent / f"{place.name}-outputs"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LEVERET_")}
        self._environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LEVERET_AMQP_URL": amqp_url,
            # Others may have a worker or a console here, on the ports that pages speak of.
            "LEVERET_HTTP_PORT": str(_free_port()),
            "LEVERET_CONSOLE_PORT": str(_free_port()),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        self._running: list[Background] = []

    def check(self, step: Write | Type) -> None:
        """Take a step of the page; fails with what was seen where it does not go as shown."""
        if isinstance(step, Write):
            file = self._place / step.name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as writing:
                writing.write(step.text)
        elif step.command == "wait":
            self._await()
        elif step.place is not None:
            self._place /= step.place
            assert self._place.is_dir(), f"there is no {self._place} to go to"
        elif step.exported is not None:
            name, value = step.exported
            self._environment[name] = self._shell(f"printf %s {value}").stdout
        elif step.in_background:
            self._begin(step)
        else:
            self._type(step)

    def stop(self) -> None:
        """End what still runs, as Ctrl-C would; fails where that does not end well."""
        for one in self._running:
            one.process.send_signal(signal.SIGINT)
        self._await()

    def _await(self) -> None:
        ended = [(one, one.ended()) for one in self._running]
        self._running.clear()
        for one, code in ended:
            assert code == 0, f"exit code {code}: $ {one.command} &\n{one.output.read_text()}"

    def _begin(self, step: Type) -> None:
        self._outputs.mkdir(exist_ok=True)
        output = self._outputs / f"{len(list(self._outputs.iterdir()))}.txt"
        command = step.command.removesuffix("&").strip()
        with output.open("w") as writing:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self._place,
                env=self._environment,
                stdout=writing,
                stderr=subprocess.STDOUT,
            )
        self._running.append(Background(command, process, output))
        wait_until = time.monotonic() + LINE_WITHIN
        while not matches(step.expected, seen := output.read_text()):
            assert process.poll() is None, f"it ended: $ {command} &\n{seen}"
            assert time.monotonic() < wait_until, f"$ {command} &\nstill says only\n{seen}"
            time.sleep(0.05)

    def _type(self, step: Type) -> None:
        done = self._shell(step.command)
        seen = f"$ {step.command}\n{done.stdout}{done.stderr}"
        assert done.returncode == step.exit_code, f"exit code {done.returncode}: {seen}"
        assert "Deprecat" not in seen, f"what a page shows is out of date: {seen}"
        assert matches(step.expected, done.stdout + done.stderr), (
            f"the page shows\n{step.expected}\nbut this came:\n{seen}"
        )

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self._place,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LINE_WITHIN,
            check=False,
        )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


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
        reader.check(step)
