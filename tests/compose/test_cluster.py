"""A broker of three nodes in containers: replicas come and go, one is killed, a node is cut off."""

from __future__ import annotations

import asyncio
import json

import pytest
from compose.conftest import NODES
from compose.loads import MOST_WAITING, agent_at, load, steady
from compose.stack import Stack, output

pytestmark = pytest.mark.docker

WORK = "leveret.work.default"
#: Fewer failures in a row than hold a type back.
RETRIED = 10
#: Seconds for the nodes to agree again; they needed 8 here.
AGREED_WITHIN = 60


def queue(stack: Stack, node: str) -> tuple[str, int]:
    """Tell who leads the work queue and how many nodes have it; nobody while a node is unsure."""
    (container,) = stack.containers(node)
    ask = ("rabbitmqctl", "--quiet", "list_queues", "name", "leader", "online")
    told = output(["docker", "exec", container, *ask, "--formatter", "json"])
    found = [one for one in json.loads(told or "[]") if one["name"] == WORK]
    if not found:
        return "", 0
    online = found[0]["online"]
    # 3.10 prints a list of Erlang's, later versions one of JSON.
    names = online.strip("[]").split(", ") if isinstance(online, str) else online
    return found[0]["leader"].removeprefix("rabbit@"), len(names)


async def test_replicas_and_a_node_come_and_go_and_nothing_is_lost(cluster: Stack) -> None:
    """Workers 1 → 3 → 1, one killed, the queue's leader cut off and back, all under load.

    What the broker confirmed is answered, or dead-lettered where it was no message: lost 0.
    """
    leader, members = await asyncio.to_thread(queue, cluster, NODES[0])
    assert members == len(NODES)
    # From outside one comes to a node that stays.
    other = next(node for node in NODES if node != leader)
    (cut_off,) = cluster.containers(leader)
    network = f"{cluster.project}_default"
    async with agent_at(cluster, other) as agent:
        # A type that only ever fails is held back: so its retries are few, and of their own.
        async with load(agent, steady) as more:
            await more(50)
            await asyncio.to_thread(cluster.scale, 3)
            await more(150)
            victim, *_ = cluster.containers("worker")
            await asyncio.to_thread(cluster.docker, "kill", victim)
            await more(100)
            # These wait on a rung when its leader goes.
            for number in range(RETRIED):
                await agent.ask("flaky", {"failures": 1, "number": number})
            await asyncio.to_thread(cluster.docker, "network", "disconnect", network, cut_off)
            # More than was under way: some of it was asked for and done by two nodes of three.
            await more(MOST_WAITING + 100)
            await asyncio.to_thread(
                cluster.wait,
                "another leader",
                lambda: queue(cluster, other)[0] in {*NODES} - {leader},
            )
            names = ("--alias", leader, "--alias", "broker")
            await asyncio.to_thread(cluster.docker, "network", "connect", *names, network, cut_off)
            await asyncio.to_thread(
                cluster.wait,
                "three nodes with the queue",
                lambda: queue(cluster, other)[1] == len(NODES),
                AGREED_WITHIN,
            )
            await more(100)
            await asyncio.to_thread(cluster.scale, 1)
            await more(50)
        await agent.assert_balanced(faults=True)
