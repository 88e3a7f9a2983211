"""Broker users with the least rights: enough for the whole service, and not one right too many."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aio_pika
import httpx
import pytest
from aio_pika.exceptions import ChannelClosed
from broker.command import leveret
from broker.users import user_name
from broker.worker import NAMES, RUNGS, Asking, code, eventually, serving

from examples import registry
from topology import Permissions, Role, permissions
from workers.broker import ManagementApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aio_pika.abc import AbstractChannel
    from broker.users import Users

pytestmark = pytest.mark.broker

KINDS: Final = ("configure", "write", "read")


async def test_the_whole_service_works_with_the_least_rights(amqp_url: str, users: Users) -> None:
    """Each role as its own user: declared, asked, answered, retried, dead-lettered, seen, told."""
    ladder = {"LEVERET_RETRY_DELAYS": ",".join(map(str, RUNGS))}
    applied = await leveret("topology", "apply", url=users.url(Role.TOPOLOGY), **ladder)
    assert (applied.code, applied.err) == (0, applied.err)
    operator = users.url(Role.OPERATOR)
    settings = {"agent_id": "least", "operators": (user_name(Role.OPERATOR),)}
    async with (
        serving(users.url(Role.WORKER), registry, **settings) as (service, _),
        Asking(amqp_url) as watching,
    ):
        publisher = users.url(Role.PUBLISHER)
        body = b'{"task": "echo"}'
        asked = ("publish", "--wait", "--json", "--task", "echo", "--param", "a=1")
        answered = await leveret(*asked, url=publisher, stdin=body)
        assert (answered.code, answered.err) == (0, answered.err)
        retried = await watching.answer(watching.task("flaky", parameters={"failures": 1}))
        assert retried["response"]["status"] == "completed"
        letter = await watching.letter(watching.bytes(b"{", "letter"))
        assert code(letter) == "invalid_json"
        told = await leveret("ctl", "ping", "--json", url=operator)
        assert [one["replica"] for one in told.lines] == ["least"]
        shown = await leveret("top", "--once", "--json", url=operator)
        assert '"least"' in shown.out
        doctor = await leveret("doctor", "--json", url=operator, **ladder)
        assert "ACCESS_REFUSED" not in doctor.out + doctor.err
        assert await plain_answer(amqp_url, watching)
        assert service._watch.health.reason is None


async def plain_answer(amqp_url: str, asking: Asking) -> bytes:
    """Return an answer that went to a plain queue, through the default exchange."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        plain = await channel.declare_queue("answers-of-mine", exclusive=True)
        task = asking.task("echo")
        body = task.body.replace(asking.client.reply_to.encode(), plain.name.encode())
        await asking.publish(task._replace(body=body, reply_to=plain.name))
        got: list[bytes] = []

        async def keep(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            got.append(message.body)

        await plain.consume(keep, no_ack=True)
        await eventually(lambda: got)
        return got[0]


# -- one right after the other --


async def declare(channel: AbstractChannel, name: str) -> None:
    """Declare a queue of one's own."""
    await channel.declare_queue(name, exclusive=True)


async def listen(channel: AbstractChannel, exchange: str, queue: str, key: str = "#") -> None:
    """Bind a queue of one's own to an exchange."""
    await (await channel.declare_queue(queue, exclusive=True)).bind(exchange, key)


async def give_back(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    """Let the next one have it."""
    await message.nack(requeue=True)


async def consume(channel: AbstractChannel, name: str) -> None:
    """Take from a queue, which gives back what it gave."""
    await channel.set_qos(1)
    queue = await channel.get_queue(name, ensure=False)
    journal = {"x-stream-offset": "last"} if name == NAMES.journal else {}
    tag = await queue.consume(give_back, arguments=journal)
    await queue.cancel(tag)


async def send(channel: AbstractChannel, exchange: str, key: str) -> None:
    """Publish; that nobody takes it is no matter of rights."""
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"x"), key, mandatory=False)


async def own(channel: AbstractChannel, name: str) -> None:
    """Take from a queue of one's own."""
    await channel.declare_queue(name, exclusive=True)
    await consume(channel, name)


class Need(NamedTuple):
    """What a role does, by which one of its rights."""

    role: Role
    #: `configure`, `write` or `read`, and a name that only this right covers.
    kind: str
    name: str
    do: Callable[..., Awaitable[None]]
    arguments: tuple[str, ...]


WORK, DEAD, RUNG = NAMES.work("default"), NAMES.dead_queue("default"), NAMES.retry(RUNGS[0])
HEARD, SEEN = NAMES.control_queue("x"), NAMES.heartbeat_queue("x")
#: The rights of a publisher are those of the agent that is called like its user.
PUBLISHER: Final = user_name(Role.PUBLISHER)
BOX: Final = NAMES.mailbox(PUBLISHER, "inbox")


def _both(role: Role) -> tuple[Need, ...]:
    """Return what workers and operators do alike: hear what operators say."""
    return (
        Need(role, "configure", HEARD, declare, (HEARD,)),
        Need(role, "write", HEARD, listen, (NAMES.control, HEARD)),
        Need(role, "read", NAMES.control, listen, (NAMES.control, HEARD)),
        Need(role, "read", HEARD, own, (HEARD,)),
    )


def _asking(role: Role) -> tuple[Need, ...]:
    """Return what publishers and operators do alike: ask for work, and hear the answer."""
    box, key = NAMES.mailbox(user_name(role), "inbox"), NAMES.mailbox_key(user_name(role), "inbox")
    return (
        Need(role, "write", NAMES.requests, send, (NAMES.requests, "task_request")),
        Need(role, "configure", box, declare, (box,)),
        Need(role, "write", box, listen, (NAMES.replies, box, key)),
        Need(role, "read", NAMES.replies, listen, (NAMES.replies, box, key)),
        Need(role, "read", box, own, (box,)),
    )


NEEDS: Final = (
    *_both(Role.WORKER),
    Need(Role.WORKER, "write", NAMES.replies, send, (NAMES.replies, "agent.x.inbox")),
    Need(Role.WORKER, "write", NAMES.heartbeats, send, (NAMES.heartbeats, "x")),
    Need(Role.WORKER, "write", "amq.default", send, ("", DEAD)),
    Need(Role.WORKER, "write", NAMES.dead, send, (NAMES.dead, NAMES.history_key("default"))),
    Need(Role.WORKER, "write", RUNG, send, (RUNG, WORK)),
    Need(Role.WORKER, "read", WORK, consume, (WORK,)),
    *_both(Role.OPERATOR),
    Need(Role.OPERATOR, "write", "amq.default", send, ("", "anybody")),
    Need(Role.OPERATOR, "write", NAMES.dead, send, (NAMES.dead, NAMES.journal_key)),
    Need(Role.OPERATOR, "configure", SEEN, declare, (SEEN,)),
    Need(Role.OPERATOR, "write", SEEN, listen, (NAMES.heartbeats, SEEN)),
    Need(Role.OPERATOR, "read", NAMES.heartbeats, listen, (NAMES.heartbeats, SEEN)),
    Need(Role.OPERATOR, "read", SEEN, own, (SEEN,)),
    Need(Role.OPERATOR, "write", NAMES.control, send, (NAMES.control, "")),
    Need(Role.OPERATOR, "read", DEAD, consume, (DEAD,)),
    *_asking(Role.PUBLISHER),
    *_asking(Role.OPERATOR),
)
#: What each role must not do: the others' work.
REFUSED: Final = (
    (Role.WORKER, send, (NAMES.requests, "task_request")),
    (Role.WORKER, send, (NAMES.control, "")),
    (Role.WORKER, consume, (DEAD,)),
    (Role.WORKER, consume, (NAMES.journal,)),
    (Role.WORKER, declare, ("mine",)),
    (Role.WORKER, declare, (SEEN,)),
    (Role.WORKER, listen, (NAMES.heartbeats, HEARD)),
    (Role.OPERATOR, consume, (WORK,)),
    (Role.OPERATOR, send, (NAMES.replies, "agent.x.inbox")),
    (Role.OPERATOR, send, (RUNG, WORK)),
    (Role.OPERATOR, declare, (BOX,)),
    (Role.PUBLISHER, send, (NAMES.dead, NAMES.dead_key("default"))),
    (Role.PUBLISHER, send, (RUNG, WORK)),
    (Role.PUBLISHER, send, (NAMES.dead, NAMES.history_key("default"))),
    (Role.PUBLISHER, send, ("", DEAD)),
    (Role.PUBLISHER, send, ("", WORK)),
    (Role.PUBLISHER, send, (NAMES.control, "")),
    (Role.PUBLISHER, send, (NAMES.heartbeats, "x")),
    (Role.PUBLISHER, declare, (NAMES.mailbox("somebody", "inbox"),)),
    (Role.PUBLISHER, own, (NAMES.mailbox(f"{PUBLISHER}.eu", "inbox"),)),
    (Role.PUBLISHER, listen, (NAMES.replies, BOX, "#")),
    (Role.PUBLISHER, listen, (NAMES.replies, BOX, "agent.*.inbox")),
    (Role.PUBLISHER, listen, (NAMES.replies, BOX, NAMES.mailbox_key("somebody", "inbox"))),
    (Role.PUBLISHER, listen, (NAMES.replies, BOX, f"agent.{PUBLISHER}.#")),
    (Role.PUBLISHER, listen, (NAMES.requests, BOX, "#")),
    (Role.PUBLISHER, listen, (NAMES.dead, BOX, "#")),
    (Role.PUBLISHER, consume, (WORK,)),
    (Role.PUBLISHER, consume, (DEAD,)),
    (Role.MONITORING, consume, (WORK,)),
    (Role.MONITORING, send, (NAMES.requests, "task_request")),
    (Role.MONITORING, declare, (HEARD,)),
    (Role.TOPOLOGY, declare, ("another",)),
)


def parts(pattern: str) -> list[str]:
    """Return the alternatives of `^(a|b)$`."""
    return [] if pattern == "^$" else pattern.removeprefix("^(").removesuffix(")$").split("|")


def without(need: Need) -> Permissions:
    """Return the role's rights but for the one by which this is done."""
    may = permissions(need.role, NAMES, user_name(need.role))
    rights = {kind: parts(getattr(may, kind)) for kind in KINDS}
    (cut,) = [one for one in rights[need.kind] if re.fullmatch(one, need.name)]
    rights[need.kind].remove(cut)
    return Permissions(**{kind: f"^({'|'.join(left)})$" for kind, left in rights.items()})


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    """Lend a channel of a user's."""
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


def test_every_right_is_tried() -> None:
    """No right of worker, operator and publisher is without an act that needs it."""
    for role in (Role.WORKER, Role.OPERATOR, Role.PUBLISHER):
        for kind in KINDS:
            for part in parts(getattr(permissions(role, NAMES, user_name(role)), kind)):
                tried = [n for n in NEEDS if (n.role, n.kind) == (role, kind)]
                assert sum(bool(re.fullmatch(part, need.name)) for need in tried) == 1, part


async def test_each_right_is_needed(amqp_url: str, users: Users) -> None:
    """With it the act goes through; with all rights but that one the broker refuses it."""
    ladder = {"LEVERET_RETRY_DELAYS": ",".join(map(str, RUNGS))}
    await leveret("topology", "apply", url=amqp_url, **ladder)
    for need in NEEDS:
        async with channel_of(users.url(need.role)) as channel:
            await need.do(channel, *need.arguments)
        async with channel_of(users.url(need.role, without(need))) as channel:
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await need.do(channel, *need.arguments)


async def test_each_other_right_is_refused(amqp_url: str, users: Users) -> None:
    """Nobody does another's work: the broker says no, by the rights we ship."""
    ladder = {"LEVERET_RETRY_DELAYS": ",".join(map(str, RUNGS))}
    await leveret("topology", "apply", url=amqp_url, **ladder)
    for role, act, arguments in REFUSED:
        async with channel_of(users.url(role)) as channel:
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await act(channel, *arguments)


async def test_monitoring_sees_the_depth_of_a_queue(
    amqp_url: str, management_url: str, users: Users
) -> None:
    """Its tag opens the figures that a scaler asks for, with no right in the virtual host."""
    await leveret("topology", "apply", url=amqp_url)
    users.url(Role.MONITORING)
    eyes = user_name(Role.MONITORING)
    api = ManagementApi(management_url)
    api._request("PUT", f"/api/users/{eyes}", {"password": "p", "tags": "monitoring"})
    vhost = amqp_url.rpartition("/")[2]
    async with httpx.AsyncClient(
        base_url=management_url.replace("guest:guest", f"{eyes}:p")
    ) as client:
        told: Any = (await client.get(f"/api/queues/{vhost}/{WORK}")).raise_for_status().json()
        assert told["name"] == WORK
        assert (await client.delete(f"/api/queues/{vhost}/{WORK}")).status_code in {401, 403}
