"""The compose project as people start it: answers, replicas, Prometheus, a killed container."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from compose.loads import SLOW, agent_at, load, task
from compose.stack import Stack

pytestmark = pytest.mark.docker

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy/grafana/dashboards/leveret.json"
#: What conftest.py gives each worker to hold.
PREFETCH = 20
#: Replicas at the height of a load.
MANY = 8
#: Figures of what this stack has not: an inbox, and a supervisor of several processes.
NOT_HERE = (
    "sum by (result) (rate(leveret_inbox_total[30s]))",
    "sum by (instance) (leveret_replicas_wanted)",
    "sum by (instance) (leveret_replicas_answering)",
)


def workers_seen(stack: Stack, count: int) -> Callable[[], bool]:
    """Tell whether Prometheus scrapes exactly so many workers, all of them up."""

    def seen() -> bool:
        return list(stack.targets("leveret").values()) == ["up"] * count

    return seen


async def test_the_worker_starts_after_its_topology(stack: Stack) -> None:
    """The one-shot topology had ended well before the worker started."""
    (topology,) = stack.containers("topology", "--all")
    (worker,) = stack.containers("worker")
    assert stack.inspect(topology, "{{.State.Status}} {{.State.ExitCode}}") == "exited 0"
    ended = stack.inspect(topology, "{{.State.FinishedAt}}")
    # Both in UTC and written alike, so the texts' order is the order in time.
    assert ended < stack.inspect(worker, "{{.State.StartedAt}}")


async def test_the_worker_runs_without_root(stack: Stack) -> None:
    """The worker's processes belong to an ordinary user who cannot write to the image."""
    (worker,) = stack.containers("worker")
    assert stack.docker("exec", worker, "id", "-u").strip() == "10001"
    assert stack.inspect(worker, "{{.HostConfig.ReadonlyRootfs}}") == "true"


async def test_workers_keep_their_notes_in_a_volume(stack: Stack) -> None:
    """The worker's own user writes there, and says nothing of notes that cannot be kept."""
    (worker,) = stack.containers("worker")
    assert stack.docker("exec", worker, "ls", "/var/lib/leveret").split() == ["running"]
    assert "no notes can be kept" not in stack.do("logs", "worker")


async def test_ports_are_on_loopback(stack: Stack) -> None:
    """What is published is published to this machine only, and the workers publish nothing."""
    for service in ("rabbitmq", "prometheus"):
        (container,) = stack.containers(service)
        ports = stack.docker("port", container).split()[2::3]
        assert ports
        assert all(port.startswith("127.0.0.1:") for port in ports)
    (worker,) = stack.containers("worker")
    assert stack.docker("port", worker).strip() == ""


async def test_tasks_are_answered_and_bad_messages_dead_lettered(stack: Stack) -> None:
    """Each task is answered once; what is no message becomes a dead letter."""
    async with agent_at(stack) as agent:
        for number in range(60):
            await agent.ask(*task(number))
        await agent.spoil()
        await agent.assert_balanced()
        assert set(agent.answers.values()) == {1}


async def test_publish_waits_for_its_answer(stack: Stack) -> None:
    """`leveret publish --task echo --wait`, run in the worker's own image, prints the answer."""
    command = ("publish", "--task", "echo", "--param", "greeting=hello", "--wait", "--json")
    printed = stack.do("run", "--rm", "--no-deps", "-T", "worker", *command)
    assert "hello" in printed


async def test_scaling_under_load_loses_nothing(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers 1 → 8 → 1 under load: each replica has its share, and the books balance."""
    async with agent_at(stack) as agent:
        async with load(agent) as more:
            await more(50)
            await asyncio.to_thread(stack.scale, MANY)
            await asyncio.to_thread(stack.wait, "all targets", workers_seen(stack, MANY))
            await more(300)
            await asyncio.to_thread(
                stack.wait,
                "work on every replica",
                lambda: len(stack.query("leveret_messages_received_total > 20")) == MANY,
            )
            shares = stack.query("leveret_messages_received_total")
            await asyncio.to_thread(stack.scale, 1)
            await more(50)
        await agent.assert_balanced()
        # Drained, not killed: what a leaving replica had begun was finished and settled.
        assert set(agent.answers.values()) == {1}
    with capsys.disabled():
        counts = sorted((int(one["value"][1]) for one in shares), reverse=True)
        told = f"{MANY} replicas took {counts} of {len(agent.published)} tasks; lost: 0"
        sys.stdout.write(f"\n{told}\n")
    stack.wait("one target", workers_seen(stack, 1))


async def test_a_killed_container_loses_nothing(stack: Stack) -> None:
    """One of three workers is killed with its hands full: the others answer what it held."""
    await asyncio.to_thread(stack.scale, 3)
    stack.wait("three targets", workers_seen(stack, 3))
    victim, *_ = stack.containers("worker")
    async with agent_at(stack) as agent:
        # Four seconds of work for all three, so that at the kill each holds all it may.
        await asyncio.gather(*(agent.ask("fetch_local", SLOW) for _ in range(12 * PREFETCH)))
        await asyncio.to_thread(stack.docker, "kill", victim)
        await agent.assert_balanced()
        # At most what it held unsettled was done a second time.
        assert sum(agent.answers.values()) - len(agent.answers) <= PREFETCH
    stack.wait("the dead target is gone", workers_seen(stack, 2))
    await asyncio.to_thread(stack.scale, 1)


async def test_prometheus_takes_the_rules(stack: Stack) -> None:
    """Prometheus finds every rule in order, and reaches the broker."""
    (prometheus,) = stack.containers("prometheus")
    check = ("promtool", "check", "config", "/etc/prometheus/prometheus.yml")
    assert re.search(r"SUCCESS: \d+ rules found", stack.docker("exec", prometheus, *check))
    stack.wait("the broker is scraped", lambda: set(stack.targets("rabbitmq").values()) == {"up"})


async def test_every_panel_of_the_dashboard_shows_something(stack: Stack) -> None:
    """Under a load with retries and bad messages, each query of the dashboard has an answer."""
    queries = [
        target["expr"].replace("$__rate_interval", "30s").replace("$task_type", ".*")
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", [])
    ]

    def silent() -> list[str]:
        return [query for query in queries if query not in NOT_HERE and not stack.query(query)]

    async with agent_at(stack) as agent:
        async with load(agent) as more:
            await more(100)
            await asyncio.to_thread(stack.wait, "an answer to each query", lambda: not silent())
        # Nothing of it may be before the next test's tasks in the queue.
        await agent.hear_all()


async def test_stopping_drains(stack: Stack) -> None:
    """`stop` ends a busy worker by itself, exit code 0, and what it had begun is finished."""
    (worker,) = stack.containers("worker")
    async with agent_at(stack) as agent:
        await asyncio.gather(*(agent.ask("fetch_local", SLOW) for _ in range(6 * PREFETCH)))
        await asyncio.to_thread(stack.do, "stop", "worker")
        assert stack.inspect(worker, "{{.State.ExitCode}} {{.State.OOMKilled}}") == "0 false"
        assert agent.answers
        await asyncio.to_thread(stack.scale, 1)
        await agent.assert_balanced()
        assert set(agent.answers.values()) == {1}
