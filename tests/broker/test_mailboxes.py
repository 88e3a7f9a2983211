"""Nobody hears what was answered to somebody else: publishers with a user each, and a thief."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import aio_pika
import orjson
import pytest
from aio_pika.exceptions import ChannelClosed
from broker.command import leveret
from broker.users import MARK
from broker.worker import NAMES, RUNGS, Asking, code, eventually, serving
from calling import calling
from writing import task, written

from examples import registry
from topology import Role
from workers.link.client import Client
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel
    from broker.users import Users

    from workers.outcome import Delivery

pytestmark = pytest.mark.broker

ALICE: Final = f"alice-{MARK}"
MALLORY: Final = f"mallory-{MARK}"
#: An agent may be called so that its addresses begin like Alice's.
ALICE_EU: Final = f"{ALICE}.eu"
#: As docs/security.md has it: answers go to who asked, by direct reply-to or to own mailboxes.
OWN: Final = ("agent://{user}/*", "amq.rabbitmq.reply-to.*")


async def declared(url: str) -> None:
    """Have all that the service needs: its own user may not declare it."""
    ladder = {"LEVERET_RETRY_DELAYS": ",".join(map(str, RUNGS))}
    applied = await leveret("topology", "apply", url=url, **ladder)
    assert applied.code == 0


class Publisher:
    """A program of one user, and what it has heard."""

    def __init__(self, url: str) -> None:
        self.heard: list[Delivery] = []
        self.client = Client(url, NAMES, heard=self.heard.append)

    async def ask(self, reply_to: str, text: str = "secret") -> None:
        """Have the text sent to an address."""
        message = task(parameters={"text": text}) | {"reply_to": reply_to}
        said = Publication(NAMES.requests, "task_request.echo", written(message))
        assert await self.client.publish(said) is Published.CONFIRMED


async def tell(channel: AbstractChannel, queue: str, key: str) -> None:
    """Have a queue of one's own get what is sent to an address."""
    await (await channel.declare_queue(queue, exclusive=True)).bind(NAMES.replies, key)


async def steal(channel: AbstractChannel, mailbox: str) -> None:
    """Read from somebody's mailbox."""
    await (await channel.get_queue(mailbox, ensure=False)).get(no_ack=True, fail=False)


async def remove(channel: AbstractChannel, mailbox: str) -> None:
    """Take somebody's mailbox away."""
    await channel.queue_delete(mailbox)


async def turn_away(channel: AbstractChannel, mailbox: str, key: str) -> None:
    """Have somebody's answers go nowhere."""
    queue = await channel.get_queue(mailbox, ensure=False)
    await queue.unbind(NAMES.replies, key)


async def lead_to_work(channel: AbstractChannel, key: str) -> None:
    """Have somebody's answers go to the exchange for requests."""
    requests = await channel.get_exchange(NAMES.requests, ensure=False)
    await requests.bind(NAMES.replies, key)


async def test_a_mailbox_cannot_be_stolen(amqp_url: str, users: Users) -> None:
    """Each way to another's answers is refused, and the answer comes to who asked."""
    await declared(amqp_url)
    alice = Publisher(users.url(Role.PUBLISHER, called=ALICE))
    mallory = users.url(Role.PUBLISHER, called=MALLORY)
    async with alice.client as asking:
        address = asking.reply_to
        key = address.replace("agent://", "agent.").replace("/", ".")
        own = NAMES.mailbox(MALLORY, "box")
        tricks = (
            *((tell, (own, one)) for one in (key, "#", "agent.#", f"agent.{ALICE}.*", "*.*.*")),
            (steal, (asking.mailbox,)),
            (remove, (asking.mailbox,)),
            (turn_away, (asking.mailbox, key)),
            (lead_to_work, (key,)),
        )
        for trick, arguments in tricks:
            async with await aio_pika.connect(mallory) as connection:
                with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                    await trick(await connection.channel(), *arguments)
        async with serving(users.url(Role.WORKER), registry):
            await alice.ask(address)
            await eventually(lambda: alice.heard)


async def test_one_agents_name_may_begin_anothers(amqp_url: str, users: Users) -> None:
    """`alice` does not reach the addresses of `alice.eu`, nor the other way round."""
    await declared(amqp_url)
    for thief, victim in ((ALICE, ALICE_EU), (ALICE_EU, ALICE)):
        url = users.url(Role.PUBLISHER, called=thief)
        for key in (NAMES.mailbox_key(victim, "box"), f"agent.{thief}.#"):
            async with await aio_pika.connect(url) as connection:
                with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                    await tell(await connection.channel(), NAMES.mailbox(thief, "box"), key)


async def test_the_routing_keys_are_what_keeps_them_apart(amqp_url: str, users: Users) -> None:
    """With the rights on names alone, as they were once, one hears what another is answered."""
    await declared(amqp_url)
    thief = users.without_topics(Role.PUBLISHER, MALLORY)
    async with await aio_pika.connect(thief) as connection:
        # The very binding that is refused above is taken: this raises nothing.
        await tell(await connection.channel(), NAMES.mailbox(MALLORY, "box"), "#")


async def test_a_worker_is_no_messenger_to_others(amqp_url: str, users: Users) -> None:
    """With `{user}` allowed alone, a forged address is a dead letter, and its owner hears nothing.

    A second attempt and `leveret publish --wait` are answered as ever, each to its own.
    """
    await declared(amqp_url)
    alice, mallory = (
        Publisher(users.url(Role.PUBLISHER, called=name)) for name in (ALICE, MALLORY)
    )
    async with (
        Asking(amqp_url) as watching,
        serving(users.url(Role.WORKER), registry, reply_to_allow=OWN),
        alice.client,
        mallory.client,
    ):
        await mallory.ask(alice.client.reply_to, "forged")
        letters = watching.letters
        await eventually(lambda: sum(map(len, letters.values())))
        (letter,) = (one for several in letters.values() for one in several)
        assert code(letter) == "reply_to_not_allowed"
        await alice.ask(alice.client.reply_to)
        await eventually(lambda: alice.heard)
        assert [b"forged" in one.body for one in alice.heard] == [False]
        assert not mallory.heard
        for name in ("echo", "flaky"):
            asked = ("publish", "--wait", "--json", "--task", name, "--param", "failures=1")
            told = await leveret(*asked, url=users.url(Role.PUBLISHER, called=ALICE))
            assert (told.code, told.err) == (0, told.err)


async def test_an_operator_asks_too(amqp_url: str, users: Users) -> None:
    """As the console does for people: with the operator's own mailbox."""
    await declared(amqp_url)
    operator = Publisher(users.url(Role.OPERATOR))
    async with serving(users.url(Role.WORKER), registry, reply_to_allow=OWN), operator.client:
        await operator.ask(operator.client.reply_to)
        await eventually(lambda: operator.heard)


async def test_an_answer_is_no_request(amqp_url: str, users: Users) -> None:
    """A mailbox that dead-letters into `requests` brings a worker's own words back: once, in vain.

    They carry the worker's user, and are still no task, no call and no copy of ours.
    """
    await declared(amqp_url)
    url = users.url(Role.PUBLISHER, called=MALLORY)
    async with (
        Asking(amqp_url) as watching,
        serving(users.url(Role.WORKER), calling()) as (_, metrics),
        await aio_pika.connect(url) as connection,
    ):
        channel = await connection.channel()
        arguments: dict[str, Any] = {
            "x-message-ttl": 0,
            "x-dead-letter-exchange": NAMES.requests,
            "x-dead-letter-routing-key": "task_request.echo",
        }
        box = NAMES.mailbox(MALLORY, "box")
        queue = await channel.declare_queue(box, exclusive=True, arguments=arguments)
        await queue.bind(NAMES.replies, NAMES.mailbox_key(MALLORY, "box"))
        requests = await channel.get_exchange(NAMES.requests)
        body = task() | {"reply_to": f"agent://{MALLORY}/box"}
        params = {"request": body["payload"]["request"]}
        call = {"jsonrpc": "2.0", "id": 1, "method": "task_request", "params": params}
        for sent in (body, call):
            message = aio_pika.Message(written(sent), reply_to=f"agent://{MALLORY}/box")
            await requests.publish(message, "task_request.echo")
        await eventually(lambda: sum(map(len, watching.letters.values())) == 2)
        assert metrics.in_flight == 0
        codes = {code(one) for several in watching.letters.values() for one in several}
        assert codes == {"unknown_message_type", "invalid_envelope"}


@pytest.mark.parametrize(
    "program",
    [
        ("-m", "examples.client", "--task", "echo", "--param", "text=hi"),
        ("-m", "examples.plain_client", "echo", '{"text": "hi"}'),
    ],
)
async def test_the_examples_need_no_more_than_a_publisher_may(
    amqp_url: str, users: Users, program: tuple[str, ...]
) -> None:
    """With the least rights, at a worker that answers nobody but who asks."""
    await declared(amqp_url)
    async with serving(users.url(Role.WORKER), registry, reply_to_allow=OWN):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            env=os.environ | {"LEVERET_AMQP_URL": users.url(Role.PUBLISHER, called=ALICE)},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert "hi" in out.decode()
    assert orjson.loads(out)
