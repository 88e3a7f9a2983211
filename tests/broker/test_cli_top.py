"""`leveret top` sees replicas, queues, rates and dead letters without scraping anybody."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from broker.command import WITHIN, leveret
from broker.worker import NAMES, Asking, serving

from examples import registry
from workers.presence.watching import Watching
from workers.settings import Settings

if TYPE_CHECKING:
    from workers.presence.watching import Picture


async def test_one_picture_holds_who_is_there_and_what_they_did(amqp_url: str) -> None:
    """As JSON on one line, and for people."""
    async with (
        serving(amqp_url, registry, agent_id="one", heartbeat_interval=0.2),
        serving(amqp_url, registry, agent_id="two", heartbeat_interval=0.2),
        Asking(amqp_url) as asking,
    ):
        for _ in range(3):
            await asking.answer(asking.task("echo"))
        await asking.letter(asking.bytes(b"{", "x"))
        ended = await leveret("top", "--once", "--json", url=amqp_url)
        told = await leveret("top", "--once", url=amqp_url)
    (picture,) = ended.lines
    assert [one["id"] for one in picture["replicas"]] == ["one", "two"]
    assert {one["state"] for one in picture["replicas"]} == {"serving"}
    assert picture["totals"]["replied"] == 3
    assert picture["totals"]["dead_lettered"] == picture["dead_letters"] == 1
    assert picture["p99_seconds"] is not None
    queues = {queue["name"]: queue for queue in picture["queues"]}
    assert queues[NAMES.work("default")] == {
        "name": NAMES.work("default"),
        "messages": 0,
        "consumers": 2,
    }
    assert (ended.code, ended.err) == (0, "")
    assert told.code == 0
    assert "2 replicas" in told.out
    assert "1 open dead letter" in told.out


async def test_a_pipe_gets_one_picture_after_the_other(amqp_url: str) -> None:
    """Each when it is drawn: whoever reads them waits for no end."""
    async with serving(amqp_url, registry, agent_id="one", heartbeat_interval=0.2):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers.cli", "top", "--amqp-url", amqp_url),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        seen = 0
        async with asyncio.timeout(WITHIN):
            while seen < 2:
                line = await process.stdout.readline()
                assert line, "it ended"
                seen += b"open dead letters" in line
            process.send_signal(signal.SIGINT)
            await process.stdout.read()
            assert await process.wait() == 0


async def test_rates_and_new_dead_letters_come_while_watching(amqp_url: str) -> None:
    """Two heartbeats make a rate; the journal tells what dies."""
    async with (
        serving(amqp_url, registry, agent_id="one", heartbeat_interval=0.2),
        Watching(Settings(amqp_url=amqp_url)) as watching,
        Asking(amqp_url) as asking,
    ):
        await asking.letter(asking.bytes(b"{", "x"))
        seen: list[Picture] = []
        while not seen or not (seen[-1].rates and seen[-1].letters):
            seen.append(await watching.look())
            assert len(seen) < 1000
    assert seen[-1].letters[0].error_code == "invalid_json"
    assert seen[-1].dead_letters == 1
    assert seen[-1].rates["received"] >= 0


async def test_no_topology_and_no_replica_are_told_apart(amqp_url: str) -> None:
    """The first is an error with the command to run, the second an empty picture."""
    missing = await leveret("top", "--once", url=amqp_url)
    assert missing.code == 1
    assert "leveret topology apply" in missing.err
    await leveret("topology", "apply", url=amqp_url)
    ended = await leveret("top", "--once", "--json", url=amqp_url)
    assert (ended.code, ended.lines[0]["replicas"]) == (0, [])
