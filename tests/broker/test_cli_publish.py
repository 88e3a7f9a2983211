"""`leveret publish` against a real broker and a real worker."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest
from broker.command import leveret
from broker.letters import WORK
from broker.users import user_name
from broker.worker import NAMES, serving
from waiting import until

from examples import registry
from topology import Role, parse_delays, permissions
from workers.broker import ManagementApi
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from broker.users import Users

    from workers.broker import PrivateBroker


@pytest.fixture
async def url(amqp_url: str) -> AsyncIterator[str]:
    """Lend a broker with a worker that runs the examples."""
    async with serving(amqp_url, registry, prefetch=50):
        yield amqp_url


async def test_a_task_is_answered_on_standard_output(url: str) -> None:
    """Readable for people; the result holds the parameters as they were meant."""
    ended = await leveret(
        *("publish", "--task", "echo", "--param", "text=hare", "--param", "a.b=3", "--wait"),
        url=url,
    )
    answer = orjson.loads(ended.out)
    assert answer["payload"]["response"]["result_data"] == {"text": "hare", "a": {"b": 3}}
    assert ended.out.count("\n") > 10
    assert (ended.code, ended.err) == (0, "")


async def test_several_are_answered_one_a_line(url: str) -> None:
    """For programs, in any number, and in urgent order too."""
    ended = await leveret(
        *("publish", "--task", "echo", "--count", "20", "--wait", "--json"),
        *("--priority", "9", "--budget", "1000"),
        url=url,
    )
    assert ended.code == 0
    assert len({line["correlation_id"] for line in ended.lines}) == 20


async def test_without_wait_the_confirms_are_counted(url: str) -> None:
    """Published means confirmed by the broker."""
    ended = await leveret("publish", "--task", "echo", "--count", "3", url=url)
    assert (ended.code, ended.out) == (0, "3 messages published, 3 confirmed\n")
    ended = await leveret("publish", "--task", "echo", "--json", url=url)
    assert ended.lines == [
        {
            "published": 1,
            "confirmed": 1,
            "unroutable": 0,
            "refused": 0,
            "unknown": 0,
            "unsent": 0,
        }
    ]


async def test_bad_messages_go_out_as_they_are_and_their_errors_come_back(url: str) -> None:
    """Each line is a message; an error among the answers is exit code 1."""
    ended = await leveret(
        *("publish", "-", "--wait", "--json"), url=url, stdin=b'{"not":"an envelope"}\n{broken\n[1]'
    )
    codes = sorted(line["payload"]["error_code"] for line in ended.lines)
    assert codes == ["invalid_envelope", "invalid_envelope", "invalid_json"]
    assert ended.code == 1


async def test_json_rpc_is_answered_in_kind_and_notifications_are_not_waited_for(url: str) -> None:
    """A call, a notification and a batch; each answer as its caller knows it."""

    def call(**more: object) -> dict[str, object]:
        params = {"request": {"task_type": "echo", "parameters": {"n": 1}}}
        return {"jsonrpc": "2.0", "method": "task_request", "params": params, **more}

    lines = [call(id=7), call(), [call(id="a"), call(), {**call(id="b"), "method": "nope"}]]
    stdin = b"\n".join(map(orjson.dumps, lines))
    ended = await leveret(
        "publish", "-", "--wait", "--json", "--timeout", "10", url=url, stdin=stdin
    )
    one, batch = sorted(ended.lines, key=lambda line: isinstance(line, list))
    assert one["id"] == 7
    assert one["result"]["response"]["result_data"] == {"n": 1}
    assert {answer["id"]: "error" in answer for answer in batch} == {"a": False, "b": True}
    assert ended.code == 1


async def test_an_unknown_task_type_is_an_error_answer(url: str) -> None:
    """The worker's own words, and exit code 1."""
    ended = await leveret("publish", "--task", "nope", "--wait", "--json", url=url)
    assert ended.lines[0]["payload"]["error_code"] == "unknown_task_type"
    assert ended.code == 1


async def test_what_no_queue_takes_is_told(url: str) -> None:
    """Not routed is not published."""
    ended = await leveret("publish", "--task", "echo", "--routing-key", "a.b.c.d", url=url)
    assert ended.code == 1
    assert "no queue takes routing key a.b.c.d on leveret.requests" in ended.err
    assert ended.err.count("\n") == 1


async def test_an_answer_that_does_not_come_is_told(amqp_url: str) -> None:
    """A time-out says that nobody takes it, where the broker has no consumer for it."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=parse_delays("1s")), patience=5)
    ended = await leveret("publish", "--task", "echo", "--wait", "--timeout", "0.3", url=amqp_url)
    assert ended.code == 1
    assert "no answer within 0.3 s to 1 of 1 message" in ended.err
    assert "no worker takes messages from leveret.work.default, where 1 message waits" in ended.err
    assert "`leveret run --group default`" in ended.err
    assert ended.err.count("\n") == 1


async def test_a_silence_is_told_before_its_end(amqp_url: str) -> None:
    """Who forgot to start a worker learns it in a few seconds, and the answer still comes."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=parse_delays("1s")), patience=5)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.cli", "publish", "--task", "echo", "--wait", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"LEVERET_AMQP_URL": amqp_url},
    )
    assert process.stderr is not None
    told = (await process.stderr.readline()).decode()
    assert "still waiting for 1 answer, 30 s at most: no worker takes messages from" in told
    async with serving(amqp_url, registry):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert orjson.loads(out)["message_type"] == "task_response"


async def test_a_full_queue_refuses_and_it_is_told(amqp_url: str) -> None:
    """A nack is not a confirm."""
    small = {"default": {"max_length_bytes": 2**20}}
    await stand(Settings(amqp_url=amqp_url, groups=small), patience=5)
    large = orjson.dumps({"text": "x" * 2**18})
    publish = ("publish", "-", "--count", "8", "--json")
    # The broker learns of the limit only after it was passed: a new publisher is told at once.
    await leveret(*publish, url=amqp_url, stdin=large)
    ended = await leveret(*publish, url=amqp_url, stdin=large)
    assert ended.code == 1
    assert "refused by the broker" in ended.err
    (told,) = ended.lines
    assert (told["confirmed"], told["refused"]) == (0, 8)


async def test_a_broker_that_goes_away_leaves_it_told_what_was_sent_and_what_was_not(
    own: PrivateBroker,
) -> None:
    """Nobody looks for messages that have never left; and every one is in one count."""
    (node,) = own.nodes
    await leveret("topology", "apply", url=own.amqp_url)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.cli", "publish", "--task", "echo", "--json"),
        *("--count", "1000", "--rate", "200", "--timeout", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"LEVERET_AMQP_URL": own.amqp_url},
    )
    try:
        api = ManagementApi(own.management_url)
        await until(lambda: asyncio.to_thread(lambda: api.queue_depths("/")[WORK].ready))
        node.kill()
        out, err = await process.communicate()
    finally:
        node.start()
    told = orjson.loads(out)
    assert (process.returncode, told["published"] + told["unsent"]) == (1, 1000)
    assert told["confirmed"] + told["unknown"] == told["published"]
    assert told["confirmed"] > 0 < told["unsent"]
    assert f"{told['unsent']} messages never sent; is the broker in alarm or gone?" in err.decode()
    assert err.count(b"\n") == 1


async def test_a_missing_topology_is_told(amqp_url: str) -> None:
    """One line with the command to run."""
    ended = await leveret("publish", "--task", "echo", url=amqp_url)
    assert ended.code == 1
    assert "leveret topology apply" in ended.err
    assert ended.err.count("\n") == 1


async def test_who_may_not_publish_is_told(amqp_url: str, users: Users) -> None:
    """With whose right it is; the count says that nothing is anywhere."""
    await leveret("topology", "apply", url=amqp_url)
    own = permissions(Role.PUBLISHER, NAMES, user_name(Role.PUBLISHER))
    mute = users.url(Role.PUBLISHER, replace(own, write=own.write.replace("requests", "nothing")))
    ended = await leveret("publish", "--task", "echo", "--json", url=mute)
    assert ended.code == 1
    assert "publisher role" in ended.err
    assert ended.lines[0] == {
        "published": 1,
        "confirmed": 0,
        "unroutable": 0,
        "refused": 1,
        "unknown": 0,
        "unsent": 0,
    }


@pytest.mark.parametrize(
    "arguments", [("publish", "--task", "echo"), ("topology", "plan"), ("topology", "doctor")]
)
async def test_no_broker_is_exit_code_4(arguments: tuple[str, ...]) -> None:
    """Neither an address nor somebody at the address."""
    ended = await leveret(*arguments)
    assert (ended.code, ended.err.count("\n")) == (4, 1)
    ended = await leveret(*arguments, url="amqp://127.0.0.1:1/")
    assert (ended.code, ended.err.count("\n")) == (4, 1)


async def test_no_message_is_exit_code_3(url: str) -> None:
    """Nothing was published, and that is not success."""
    ended = await leveret("publish", "-", url=url, stdin=b"\n")
    assert (ended.code, ended.out) == (3, "")
