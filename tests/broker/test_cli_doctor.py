"""`leveret doctor` on a broker that is well, half well, and not there."""

from __future__ import annotations

from typing import Any

import aio_pika
from broker.command import leveret, user
from broker.worker import NAMES, serving

from examples import registry
from topology import Permissions


async def examined(url: str, **more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code, and what was found by check."""
    ended = await leveret("doctor", "--json", url=url, LEVERET_HTTP_PORT="0", **more)
    (told,) = ended.lines
    return ended.code, {one["check"]: one for one in told["checks"]}


async def test_all_is_well_with_a_worker(amqp_url: str) -> None:
    """Every check is there, none of them with anything to do."""
    await leveret("topology", "apply", url=amqp_url)
    async with serving(amqp_url, registry, agent_id="one", heartbeat_interval=0.2):
        code, found = await examined(amqp_url)
    assert code == 0
    assert {one["state"] for one in found.values()} == {"ok"}
    assert found.keys() == {
        *("python", "packages", "processors", "http_port", "broker", "topology", "rights"),
        *("consumers.default", "replicas", "dead_letters"),
    }


async def test_what_is_missing_or_unsafe_is_wrong(amqp_url: str) -> None:
    """Before the topology is there, and with a queue that would lose messages."""
    code, found = await examined(amqp_url)
    assert (code, found["topology"]["state"]) == (1, "wrong")
    assert "leveret topology apply" in found["topology"]["advice"]
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": 2}
        await channel.declare_queue(NAMES.work("default"), durable=True, arguments=arguments)
    code, found = await examined(amqp_url)
    assert code == 1
    assert "messages could be lost" in found["topology"]["told"]


async def test_a_user_without_rights_is_told_which(amqp_url: str, management_url: str) -> None:
    """What a worker needs beside its work, and the name of the role that has it."""
    await leveret("topology", "apply", url=amqp_url)
    url = user(management_url, amqp_url, "poor", Permissions("^$", ".*", ".*"))
    code, found = await examined(url)
    assert (code, found["rights"]["state"]) == (1, "wrong")
    assert "worker role" in found["rights"]["advice"]


async def test_no_broker_is_exit_code_4_and_bad_settings_are_told() -> None:
    """The other checks are made all the same."""
    code, found = await examined("amqp://127.0.0.1:1/")
    assert (code, found["broker"]["state"], found["python"]["state"]) == (4, "wrong", "ok")
    ended = await leveret("doctor", LEVERET_HTTP_PORT="0")
    assert ended.code == 4
    assert "leveret broker start" in ended.out
    ended = await leveret("doctor", LEVERET_PREFETC="3")
    assert ended.code == 1
    assert "did you mean LEVERET_PREFETCH?" in " ".join(ended.out.split())


async def test_a_worker_does_not_start_on_a_queue_that_would_lose_messages(amqp_url: str) -> None:
    """It says which argument, and what to do; a queue of another size is no reason."""
    await leveret("topology", "apply", url=amqp_url)
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(NAMES.work("default"))
        arguments = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
        await channel.declare_queue(NAMES.work("default"), durable=True, arguments=arguments)
    ended = await leveret("run", url=amqp_url, LEVERET_HTTP_PORT="0")
    assert ended.code == 1
    assert "x-dead-letter-exchange: we want leveret.dead, the broker has none" in ended.err
