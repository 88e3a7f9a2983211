"""A real Prometheus asks real workers: every expression we ship has something to show there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import socket
import urllib.error
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest
import yaml
from broker.processes import running
from broker.worker import Asking, eventually
from waiting import until

from workers.broker import ManagementApi
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS: Final = shutil.which("prometheus")
#: Seconds for all of it to have been scraped and reckoned.
WITHIN: Final = 30.0
#: A comparison drops what does not fulfil it; with `bool` it says so instead.
COMPARISON: Final = re.compile(r" (==|!=|>=|<=|>|<) ")

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        PROMETHEUS is None, reason="Prometheus is not installed; `make testbed` installs one"
    ),
]


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def get(url: str) -> Any:
    """Return what is told there; None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own, on loopback
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.SERVICE_UNAVAILABLE:  # it is still reading its past
            return None
        pytest.fail(f"{url}: {error.read().decode()}")
    except OSError:
        return None


def expressions() -> dict[str, str]:
    """Return everything that asks Prometheus, by where it stands."""
    found: dict[str, str] = {}
    for path in sorted((DEPLOY / "prometheus" / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                found[rule.get("alert") or rule["record"]] = rule["expr"]
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "leveret.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for variable in dashboard["templating"]["list"]:
        query = variable["query"]["query"]
        found[f"variable {variable['name']}"] = query.partition("(")[2].partition(",")[0]
    return found


def always(expression: str) -> str:
    """Return the expression so that it has a value as long as what it asks for is there.

    Grafana's variables get values, comparisons say 0 or 1, and what must be missing is left out.
    """
    given = expression.replace("$__rate_interval", "30s").replace("$task_type", ".*")
    there = given.partition(" unless ")[0].replace(" and ", " or ")
    return COMPARISON.sub(r" \1 bool ", there)


def config(workers: int, broker: int) -> str:
    """Return the configuration that is shipped, quicker, and with the addresses of this test."""
    shipped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    shipped["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "900ms",
        "evaluation_interval": "1s",
    }
    shipped["rule_files"] = [str(DEPLOY / "prometheus" / "rules" / "*.yml")]
    ports = {"leveret": workers, "rabbitmq": broker}
    jobs = [job for job in shipped["scrape_configs"] if job["job_name"] in ports]
    for job in jobs:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    shipped["scrape_configs"] = jobs
    return yaml.safe_dump(shipped)


@asynccontextmanager
async def prometheus(place: Path, text: str) -> AsyncIterator[str]:
    """Lend a Prometheus of our own; ends it."""
    (place / "prometheus.yml").write_text(text)
    url = f"http://127.0.0.1:{free_port()}"
    with (place / "log").open("wb") as log:
        assert PROMETHEUS is not None
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS,
            f"--config.file={place / 'prometheus.yml'}",
            f"--storage.tsdb.path={place / 'series'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            stdout=log,
            stderr=log,
        )
    try:
        await eventually(lambda: process.returncode is None and get(f"{url}/api/v1/status/config"))
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def ask(url: str, expression: str) -> list[Any]:
    """Return what Prometheus answers to an expression now."""
    query = urllib.parse.urlencode({"query": expression})
    told = await asyncio.to_thread(get, f"{url}/api/v1/query?{query}")
    answer: list[Any] = told["data"]["result"] if told else []
    return answer


async def silent(url: str) -> dict[str, str]:
    """Return the expressions that have nothing to show."""
    asked = {where: always(text) for where, text in expressions().items()}
    answers = await asyncio.gather(*(ask(url, text) for text in asked.values()))
    return {where: asked[where] for where, got in zip(asked, answers, strict=True) if not got}


async def dead_letters_alert(url: str) -> str:
    """Return the summary of the alert about dead letters; empty while there is none."""
    told = await asyncio.to_thread(get, f"{url}/api/v1/alerts")
    summaries = (
        str(alert["annotations"]["summary"])
        for alert in told["data"]["alerts"]
        if alert["labels"]["alertname"] == "LeveretDeadLetters"
    )
    return next(summaries, "")


async def work(asking: Asking, done: asyncio.Event) -> int:
    """Ask for work of every kind, some of it impossible, until told; return how much it was."""
    count = 0
    while not done.is_set():
        messages = [
            asking.task("echo", parameters={"word": "hare"}),
            asking.task("flaky", parameters={"failures": 1}),
            asking.task("nope"),
            asking.bytes(b"{}", str(uuid4())),
            asking.task("echo", parameters={})._replace(
                reply_to="nobody", correlation_id=str(uuid4())
            ),
        ]
        for message in messages:
            await asking.publish(message)
        count += len(messages)
        await asyncio.sleep(0.2)
    return count


async def test_every_expression_of_rules_and_dashboard_returns_data(
    amqp_url: str, management_url: str, tmp_path: Path
) -> None:
    """Two replicas under a supervisor, the broker's own figures, a load of all kinds.

    What was dead-lettered meanwhile has raised its alert, with its summary filled in.
    """
    listeners = ManagementApi(management_url)._request("GET", "/api/overview", None)["listeners"]
    ports = [one["port"] for one in listeners if one["protocol"] == "http/prometheus"]
    if not ports:
        pytest.skip("the broker has no rabbitmq_prometheus plugin switched on")
    await stand(Settings(amqp_url=amqp_url), patience=15)
    port = free_port()
    done = asyncio.Event()
    async with (
        Asking(amqp_url) as asking,
        running(amqp_url, "examples:registry", "--processes", "2", http_port=port),
        prometheus(tmp_path, config(port, ports[0])) as url,
    ):
        working = asyncio.create_task(work(asking, done))
        left, summary = ["not asked yet"], ""

        async def all_speak() -> bool:
            nonlocal left
            left = await silent(url)
            return not left

        async def alarmed() -> str:
            nonlocal summary
            summary = await dead_letters_alert(url)
            return summary

        await until(all_speak, pause=0.5, within=WITHIN)
        await until(alarmed, pause=0.5, within=WITHIN)
        done.set()
        assert await working
        rules = await asyncio.to_thread(get, f"{url}/api/v1/rules")
    assert "dead-lettered as" in summary
    health = {r["name"]: r["health"] for group in rules["data"]["groups"] for r in group["rules"]}
    assert set(health.values()) == {"ok"}
