"""What a supervisor hears of its replica, and a replica of its supervisor."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest
from waiting import eventually

from workers.replicas.line import Heard, Supervised


@pytest.fixture
def ends() -> tuple[socket.socket, int]:
    """Lend both ends of a line: the supervisor's, and the replica's as it is handed on."""
    ours, theirs = socket.socketpair()
    return ours, theirs.detach()


async def test_a_replica_says_its_port_and_that_it_was_asked_to_leave(
    ends: tuple[socket.socket, int],
) -> None:
    """Both are heard although it has ended."""
    heard = Heard(ends[0])
    with Supervised(ends[1]) as line:
        line.serving(9464)
        await eventually(lambda: heard.port == 9464)
        assert not heard.left
        line.left()
    await heard.close()
    assert heard.left


async def test_a_replica_that_dies_has_not_left(ends: tuple[socket.socket, int]) -> None:
    """Whatever its exit code is."""
    heard = Heard(ends[0])
    os.close(ends[1])
    await heard.close()
    assert (heard.port, heard.left) == (None, False)


async def test_noise_on_the_line_is_no_word(ends: tuple[socket.socket, int]) -> None:
    """Somebody's code may have found the descriptor."""
    heard = Heard(ends[0])
    with socket.socket(fileno=ends[1]) as line:
        line.sendall(b"\xffnoise\n" + b"x" * 100_000)
    await heard.close()
    assert (heard.port, heard.left) == (None, False)


async def test_a_replica_notices_that_its_supervisor_is_gone(
    ends: tuple[socket.socket, int],
) -> None:
    """Whatever killed it: the system closes the line."""
    gone = asyncio.Event()
    with Supervised(ends[1]) as line:
        line.watch(gone.set)
        ends[0].close()
        assert await asyncio.wait_for(gone.wait(), 15)
        line.serving(1)  # to nobody, and no error


async def test_a_worker_without_a_supervisor_tells_nobody() -> None:
    """It was started by hand, or by the system."""
    with Supervised(None) as line:
        line.watch(pytest.fail)
        line.serving(1)
        line.left()
