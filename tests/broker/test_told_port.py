"""A port that the system chose is told, for nobody else knows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from broker.processes import running
from broker.worker import RUNGS
from waiting import eventually, until

from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.broker

STARTS_WITHIN = 40.0


@pytest.mark.parametrize("flags", [(), ("--processes", "2")])
async def test_the_log_says_where_the_pages_are(
    amqp_url: str, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    """Of one worker and of several; and of several once, by their supervisor."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
    told = tmp_path / "told"

    def addresses() -> list[str]:
        return re.findall(r"probes are at (http://127\.0\.0\.1:\d+)", told.read_text())

    with told.open("wb") as stderr:
        async with running(amqp_url, "broker.killing:registry", *flags, stderr=stderr):
            await eventually(addresses, within=STARTS_WITHIN)
            async with httpx.AsyncClient() as client:

                async def ready() -> bool:
                    return (await client.get(f"{addresses()[0]}/readyz")).status_code == 200

                await until(ready, within=STARTS_WITHIN)
            assert len(addresses()) == 1
