"""A supervisor that is gone leaves no replica behind; every way of asking it to leave drains."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from broker.processes import LEAVES_WITHIN, running
from broker.worker import RUNGS, Asking, eventually

from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    import asyncio

pytestmark = pytest.mark.broker

STARTS_WITHIN = 40.0
FLAGS = ("--processes", "2")


def children(process: asyncio.subprocess.Process) -> list[Path]:
    """Return the directories in /proc of what a process has started."""
    of = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [Path("/proc", pid) for pid in of.read_text().split()]


def lives(process: Path) -> bool:
    """Whether it still runs; what nobody reaps is dead, too."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture(autouse=True)
async def _laid(amqp_url: str) -> None:
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)


async def served(asking: Asking, ledger: Path) -> None:
    """Return when a worker has answered."""
    asked = await asking.publish(asking.task("word", parameters={"ledger": str(ledger)}))
    await eventually(lambda: asking.answers[asked], within=STARTS_WITHIN)


async def test_replicas_whose_supervisor_is_killed_leave(amqp_url: str, tmp_path: Path) -> None:
    """They finish what they began; nobody is left to end them."""
    async with (
        running(amqp_url, "broker.killing:registry", *FLAGS) as supervisor,
        Asking(amqp_url) as asking,
    ):
        await served(asking, tmp_path / "ledger")
        replicas = children(supervisor)
        assert len(replicas) == 2
        supervisor.kill()
        await eventually(lambda: not any(map(lives, replicas)), within=LEAVES_WITHIN)


@pytest.mark.parametrize(("flags", "end"), [((), signal.SIGHUP), (FLAGS, signal.SIGQUIT)])
async def test_a_terminal_that_closes_drains(
    amqp_url: str, tmp_path: Path, flags: tuple[str, ...], end: signal.Signals
) -> None:
    """As SIGTERM does, with exit code 0."""
    if signal.getsignal(end) is signal.SIG_IGN:
        pytest.skip("started by nohup, so that workers take no notice of a hang-up either")
    async with (
        running(amqp_url, "broker.killing:registry", *flags) as worker,
        Asking(amqp_url) as asking,
    ):
        await served(asking, tmp_path / "ledger")
        replicas = children(worker)
        worker.send_signal(end)
        assert await worker.wait() == 0
        assert not any(map(lives, replicas))
