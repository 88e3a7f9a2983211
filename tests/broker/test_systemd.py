"""A worker under systemd's protocol, with the test in the place of systemd."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from broker.processes import running
from broker.worker import Asking

from workers.broker import ManagementApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker

#: Seconds without a sign of life after which systemd would end the worker.
WATCHDOG = 1.0
#: Seconds for a worker to start on a busy machine.
STARTS_WITHIN = 30.0


class Systemd:
    """A socket that workers speak to, and when which line came."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    async def heard(self, wanted: str, *, within: float) -> list[str]:
        """Return the lines up to the first that begins like this."""
        loop = asyncio.get_running_loop()
        lines: list[str] = []
        async with asyncio.timeout(within):
            while not any(line.startswith(wanted) for line in lines):
                lines += (await loop.sock_recv(self._socket, 4096)).decode().split("\n")
        return lines

    async def silence(self) -> float:
        """Return the longest time between signs of life, once one was too long."""
        loop = asyncio.get_running_loop()
        longest = 0.0
        async with asyncio.timeout(STARTS_WITHIN):
            while longest < WATCHDOG:
                before = loop.time()
                await self.heard("WATCHDOG=1", within=STARTS_WITHIN)
                longest = max(longest, loop.time() - before)
        return longest

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """Lend the other end; what is started now finds its address in the environment."""
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG * 1_000_000)))
    listening = Systemd(address)
    yield listening
    listening.close()


async def test_a_worker_says_how_it_stands(amqp_url: str, systemd: Systemd) -> None:
    """Ready when it consumes, alive as often as asked, silent while it hangs, and leaving."""
    async with running(amqp_url, "broker.hanging:registry") as worker:
        before = await systemd.heard("READY=1", within=STARTS_WITHIN)
        assert any(line.startswith("STATUS=starting") for line in before)
        await systemd.heard("WATCHDOG=1", within=WATCHDOG)
        async with Asking(amqp_url) as asking:
            await asking.publish(asking.task("hang", parameters={"seconds": 2.5 * WATCHDOG}))
            assert await systemd.silence() > WATCHDOG
        worker.send_signal(signal.SIGTERM)
        after = await systemd.heard("STOPPING=1", within=STARTS_WITHIN)
        assert not any("READY" in line for line in after)
        async with asyncio.timeout(STARTS_WITHIN):
            assert await worker.wait() == 0


async def test_a_worker_that_heals_is_alive(
    amqp_url: str, management_url: str, systemd: Systemd
) -> None:
    """A connection that is taken away shows in the status; the signs of life go on."""
    api = ManagementApi(management_url)
    vhost = amqp_url.rpartition("/")[2]
    async with running(amqp_url, "broker.hanging:registry"):
        await systemd.heard("READY=1", within=STARTS_WITHIN)
        api.delete_vhost(vhost)
        lines = await systemd.heard("STATUS=reconnecting", within=STARTS_WITHIN)
        await systemd.heard("WATCHDOG=1", within=WATCHDOG)
        assert not any(line.startswith("STOPPING") for line in lines)
        api.create_vhost(vhost)
