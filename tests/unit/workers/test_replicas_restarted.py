"""A replica that cannot be started again is tried again; the others go on meanwhile."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
from waiting import eventually

from workers.replicas import replicas as replicas_module
from workers.replicas.replicas import Replicas, Start

if TYPE_CHECKING:
    from pathlib import Path

#: Stands for Python with a worker: each life does what the file's next line says.
LIVES = """#!{python}
import os, signal, socket, sys
with open("{notes}", "a+") as notes:
    notes.write(os.environ.get("LEVERET_AGENT_ID", "-") + "\\n")
    notes.seek(0)
    life = len(notes.readlines())
word = "{words}".split()[life - 1]
if "s" in word:
    socket.socket(fileno=int(sys.argv[-1])).send(b"1234\\n")
if "w" in word:
    signal.pause()
sys.exit(2)
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lend the file with a line for each life, and have nobody wait between two of them."""
    monkeypatch.setattr(replicas_module, "FIRST_WAIT", 0.0)
    return tmp_path / "notes"


def lives(notes: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have replicas live like this: `s` serves, `w` waits for the signal; both end with 2."""
    program = notes.with_name("python")
    program.write_text(LIVES.format(python=sys.executable, notes=notes, words=words))
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def lived(notes: Path) -> list[str]:
    """Return what each life was called."""
    return notes.read_text().split() if notes.exists() else []


async def test_what_has_served_is_not_given_up(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typo that was saved since drains nobody: the replica is tried again until it starts."""
    lives(notes, "s - - sw", monkeypatch)
    replicas = Replicas(Start([], {}, 1.0), 1)
    running = asyncio.create_task(replicas.run())
    await eventually(lambda: len(lived(notes)) == 4 or running.done())
    assert len(lived(notes)) == 4
    replicas.leave()
    assert await running


async def test_what_never_served_is_given_up(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that no replica could start with do not change by trying."""
    lives(notes, "- - - sw", monkeypatch)
    replicas = Replicas(Start([], {}, 1.0), 1)
    assert not await replicas.run()
    assert len(lived(notes)) == 1


async def test_a_machine_that_has_no_process_to_give_ends_no_supervisor(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again, and no socket is left behind meanwhile."""
    lives(notes, "sw", monkeypatch)
    made, pairs, tries = asyncio.create_subprocess_exec, [], []
    pair = socket.socketpair

    def noted() -> tuple[socket.socket, socket.socket]:
        pairs.append(pair())
        return pairs[-1]

    async def poor(*words: str, **of: Any) -> asyncio.subprocess.Process:
        tries.append(words)
        if len(tries) == 1:
            raise OSError(errno.EAGAIN, "no more processes")
        return await made(*words, **of)

    monkeypatch.setattr(socket, "socketpair", noted)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", poor)
    replicas = Replicas(Start([], {}, 1.0), 1)
    running = asyncio.create_task(replicas.run())
    await eventually(lambda: replicas.addresses or running.done())
    assert [one.fileno() for one in pairs[0]] == [-1, -1]
    replicas.leave()
    assert await running


async def test_replicas_share_no_id(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is called after its supervisor and its number, over whatever a file would say."""
    lives(notes, "sw sw", monkeypatch)
    start = Start([], {"LEVERET_AGENT_ID": "hare"}, 1.0, called=lambda number: f"hare-{number}")
    replicas = Replicas(start, 2)
    running = asyncio.create_task(replicas.run())
    await eventually(lambda: len(replicas.addresses) == 2)
    assert sorted(lived(notes)) == ["hare-0", "hare-1"]
    replicas.leave()
    assert await running


async def test_replicas_find_an_id_where_nobody_chose_one(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of their own process then."""
    lives(notes, "sw", monkeypatch)
    replicas = Replicas(Start([], {"LEVERET_AGENT_ID": "hare"}, 1.0), 1)
    running = asyncio.create_task(replicas.run())
    await eventually(lambda: replicas.addresses)
    assert lived(notes) == ["-"]
    replicas.leave()
    assert await running
