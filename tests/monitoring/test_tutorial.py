"""The Prometheus of the tutorial finds the worker, and answers what the tutorial asks it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from broker.processes import running
from broker.worker import Asking
from docs.pages import Write, steps
from monitoring.test_prometheus import PROMETHEUS, WITHIN, ask, free_port, prometheus
from waiting import until

from workers.link.ground import stand
from workers.settings import Settings

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        PROMETHEUS is None, reason="Prometheus is not installed; `make testbed` installs one"
    ),
]


async def test_the_query_of_the_tutorial_has_an_answer(amqp_url: str, tmp_path: Path) -> None:
    """With the file that the page shows, but for the port, and a task type of the examples."""
    (text,) = [s.text for s in steps(PAGE) if isinstance(s, Write) and s.name == "prometheus.yml"]
    (query,) = re.findall(r"```promql\n(.*?)\n```", PAGE.read_text())
    port = free_port()
    await stand(Settings.model_validate({"amqp_url": amqp_url}), patience=15)
    shown = yaml.safe_load(text.replace("9464", str(port)).replace("5s", "1s"))
    found: list[Any] = []
    async with (
        Asking(amqp_url) as asking,
        running(amqp_url, "examples:registry", http_port=port),
        prometheus(tmp_path, yaml.safe_dump(shown)) as url,
    ):

        async def answered() -> bool:
            await asking.publish(asking.task("echo", parameters={}))
            found[:] = await ask(url, query.replace('"resize"', '"echo"'))
            return bool(found)

        await until(answered, pause=0.5, within=WITHIN)
    assert "replied" in {one["metric"]["outcome"] for one in found}
