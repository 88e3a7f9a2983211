"""A processor that swallows its cancellation does not keep its worker, and costs nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from broker.processes import running
from broker.worker import RUNGS, Asking, eventually

from workers.link.ground import stand
from workers.settings import Settings

pytestmark = pytest.mark.broker

STARTS_WITHIN = 40.0


async def test_a_worker_leaves_a_stubborn_processor_behind(amqp_url: str, tmp_path: Path) -> None:
    """Exit code 0, the log names the task type, and the message is another worker's."""
    ledger, log = tmp_path / "ledger", tmp_path / "log"
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)

    def starts() -> int:
        return len(ledger.read_text().split()) if ledger.exists() else 0

    async with Asking(amqp_url) as asking:
        asked = asking.task("stubborn", parameters={"ledger": str(ledger)})
        for times in (1, 2):
            with log.open("wb") as stderr:
                async with running(
                    amqp_url, "broker.killing:registry", stderr=stderr, drain_grace="100ms"
                ) as worker:
                    if times == 1:
                        await asking.publish(asked)
                    await eventually(lambda times=times: starts() == times, within=STARTS_WITHIN)
                    worker.send_signal(signal.SIGTERM)
                    assert await worker.wait() == 0
            assert "the processor of stubborn does not end" in log.read_text()
        assert not any(asking.letters.values())
