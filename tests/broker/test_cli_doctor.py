"""`leveret doctor` on a broker that is well, half well, and not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aio_pika
from broker.command import leveret
from broker.worker import NAMES, serving
from pydantic import BaseModel

from examples import registry
from topology import Role
from workers import Context, Registry

if TYPE_CHECKING:
    from broker.users import Users


class Size(BaseModel):
    """What the other worker of a group is asked with."""

    width: int


async def examined(url: str, **more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code, and what was found by check."""
    ended = await leveret("doctor", "--json", url=url, LEVERET_HTTP_PORT="0", **more)
    (told,) = ended.lines
    return ended.code, {one["check"]: one for one in told["checks"]}


async def test_all_is_well_with_a_worker(amqp_url: str) -> None:
    """Every check is there, none of them with anything to do."""
    await leveret("topology", "apply", url=amqp_url)
    async with serving(amqp_url, registry, agent_id="one", heartbeat_interval=0.2):
        code, found = await examined(amqp_url, LEVERET_REPLY_TO_ALLOW="agent://{user}/*")
    assert code == 0
    assert {one["state"] for one in found.values()} == {"ok"}
    assert found.keys() == {
        *("python", "packages", "processors", "http_port", "broker", "topology", "rights"),
        *("consumers.default", "replicas", "queues", "dead_letters"),
    }


async def test_replicas_of_one_group_with_other_processors_are_told(amqp_url: str) -> None:
    """Each would dead-letter what the other takes; replicas of another group are no matter."""
    await leveret("topology", "apply", url=amqp_url)
    images = Registry()

    @images.task("resize", parameters=Size)
    async def resize(_size: Size, _context: Context) -> None:
        """Do nothing."""

    async with (
        serving(amqp_url, registry, agent_id="one", heartbeat_interval=0.2),
        serving(amqp_url, images, agent_id="two", heartbeat_interval=0.2),
        serving(amqp_url, images, agent_id="three", heartbeat_interval=0.2, group="images"),
    ):
        code, found = await examined(amqp_url)
    assert (code, found["types.default"]["state"]) == (0, "note")
    assert "1 of 2 (two) lacks the task types" in found["types.default"]["told"]
    assert "types.images" not in found


async def test_what_a_mistyped_group_left_behind_is_told(
    amqp_url: str, management_url: str
) -> None:
    """With what waits in it, and commands that can be copied; paused workers are waited for."""
    await leveret("topology", "apply", url=amqp_url)
    api = ("--management-url", management_url)
    async with serving(
        amqp_url, registry, agent_id="one", heartbeat_interval=0.2, group="typo"
    ) as (service, _):
        await service.pause()
        (told,) = (await leveret("doctor", "--json", *api, url=amqp_url)).lines
        assert {one["check"] for one in told["checks"]} >= {"groups", "queues"}
    sent = await leveret("publish", "--task", "echo", "--param", "word=hare", url=amqp_url)
    assert sent.code == 0, sent.err
    ended = await leveret("doctor", "--json", *api, url=amqp_url)
    (found,) = (one for one in ended.lines[0]["checks"] if one["check"] == "consumers.typo")
    assert (ended.code, found["state"]) == (0, "note")
    assert f"1 message in {NAMES.work('typo')}" in found["told"]
    assert "gets requests" in found["told"]
    vhost = amqp_url.rpartition("/")[2]
    command = f"rabbitmqctl -p {vhost} delete_queue {NAMES.work('typo')}"
    assert command in found["commands"]
    assert command in (await leveret("doctor", *api, url=amqp_url)).out.splitlines()
    assert command in (await leveret("topology", "plan", *api, url=amqp_url)).err


async def test_an_api_that_does_not_answer_is_a_note(amqp_url: str) -> None:
    """Somebody named it; the rest is looked at."""
    await leveret("topology", "apply", url=amqp_url)
    ended = await leveret(
        "doctor", "--json", "--management-url", "http://127.0.0.1:1", url=amqp_url
    )
    found = {one["check"]: one for one in ended.lines[0]["checks"]}
    assert (ended.code, found["queues"]["state"]) == (0, "note")
    assert "dead_letters" in found


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


async def test_each_role_is_told_what_is_its_own_matter(amqp_url: str, users: Users) -> None:
    """A worker's user has what it needs, and is not told to take more; others are told whose."""
    await leveret("topology", "apply", url=amqp_url)
    code, found = await examined(users.url(Role.WORKER))
    assert (code, found["rights"]["state"], found["watching"]["state"]) == (0, "ok", "note")
    assert "leveret.operator" in found["watching"]["advice"]
    code, found = await examined(users.url(Role.OPERATOR))
    assert (code, found["dead_letters"]["state"]) == (0, "ok")
    code, found = await examined(users.url(Role.PUBLISHER))
    assert (code, found["rights"]["state"]) == (1, "wrong")
    assert "the user a worker runs with" in found["rights"]["advice"]


async def test_a_refused_command_names_the_role_that_may(amqp_url: str, users: Users) -> None:
    """Not the worker's, whatever it was that was refused."""
    await leveret("topology", "apply", url=amqp_url)
    operators = (("ctl", "ping"), ("top", "--once"), ("dlq", "ls"))
    for role, commands in (
        (Role.WORKER, (*operators, ("publish", "--task", "echo"))),
        (Role.PUBLISHER, operators),
    ):
        for command in commands:
            ended = await leveret(*command, url=users.url(role))
            whose = "publisher" if command[0] == "publish" else "operator"
            assert (ended.code, f"{whose} role" in ended.err) == (1, True), ended.err


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
