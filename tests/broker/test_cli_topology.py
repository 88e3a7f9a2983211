"""`leveret topology` and `leveret broker` as they are run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aio_pika
from broker.command import leveret
from broker.worker import NAMES

if TYPE_CHECKING:
    from pathlib import Path


async def test_plan_apply_plan(amqp_url: str, management_url: str) -> None:
    """What was planned is done, once, and a second time nothing is."""
    planned = await leveret("topology", "plan", "--json", url=amqp_url)
    (plan,) = planned.lines
    assert (planned.code, plan["mismatches"], plan["applied"]) == (0, 0, False)
    assert plan["changes"] > 20
    applied = await leveret("topology", "apply", url=amqp_url)
    assert applied.code == 0
    assert f"{plan['changes']} changes made" in applied.err
    again = await leveret("topology", "apply", "--json", url=amqp_url)
    assert again.lines[0]["changes"] == 0
    told = await leveret(
        "topology", "plan", "--management-url", management_url, "--json", url=amqp_url
    )
    assert told.lines[0]["nothing_to_do"]
    assert not any(step["step"] == "assure" for step in told.lines[0]["steps"])


async def test_a_mismatch_is_explained_argument_by_argument(amqp_url: str) -> None:
    """And nothing is changed."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(
            NAMES.work("default"), durable=True, arguments={"x-queue-type": "classic"}
        )
    for verb in ("plan", "apply"):
        ended = await leveret("topology", verb, url=amqp_url)
        assert ended.code == 1
        assert "x-queue-type: we want quorum, the broker has classic" in ended.out
        assert "what to do:" in ended.out
    (told,) = (await leveret("topology", "apply", "--json", url=amqp_url)).lines
    (mismatch,) = (step for step in told["steps"] if step["step"] == "mismatch")
    assert {"argument": "x-queue-type", "wanted": "quorum", "found": "classic"} in mismatch[
        "differences"
    ]
    assert told["applied"] is False
    ended = await leveret("topology", "doctor", "--json", url=amqp_url)
    assert ended.code == 1
    assert ended.lines[0]["traps"][0]["name"] == "mismatch"


async def test_the_export_fits_the_broker_that_is_asked(amqp_url: str) -> None:
    """And another one where its version is named, with users whose passwords are told once."""
    asked = await leveret("topology", "export", "--json", url=amqp_url)
    (told,) = asked.lines
    assert told["vhosts"] == [{"name": amqp_url.rpartition("/")[2]}]
    assert {queue["name"] for queue in told["queues"]} >= {NAMES.work("default"), NAMES.journal}
    other = await leveret("topology", "export", "--broker-version", "4.0", "--users")
    assert other.code == 0
    assert '"x-delivery-limit": -1' in other.out
    assert other.err.count("has the password") == 5
    export = ("topology", "export", "--broker-version", "4.0", "--json", "--publisher")
    two = await leveret(*export, "alice", "--publisher", "bob")
    assert [one["user"] for one in two.lines[0]["topic_permissions"]] == ["alice", "bob"]
    assert [one["name"] for one in two.lines[0]["users"]] == ["alice", "bob"]
    assert two.err.count("has the password") == 2
    refused = await leveret(*export, "al ice")
    assert (refused.code, refused.out) == (2, "")
    assert "password" not in refused.err
    neither = await leveret("topology", "export")
    assert (neither.code, neither.out) == (2, "")


async def test_the_doctor_names_the_traps_of_this_version(amqp_url: str) -> None:
    """Each with what to do; nothing bites as it is."""
    ended = await leveret("topology", "doctor", "--json", url=amqp_url)
    (told,) = ended.lines
    assert ended.code == 0
    assert all(trap["advice"] for trap in told["traps"])
    assert "consumer_timeout" in {trap["name"] for trap in told["traps"]}


async def test_a_private_broker_outlives_its_command(tmp_path: Path) -> None:
    """Started, found, used, stopped: each by a command of its own."""
    home = {"XDG_STATE_HOME": str(tmp_path)}
    none = await leveret("broker", "status", "--json", **home)
    assert (none.code, none.lines) == (3, [{"running": False}])
    started = await leveret("broker", "start", "--json", **home)
    try:
        assert started.code == 0, started.err
        (running,) = started.lines
        assert {"amqp_url", "management_url", "pid"} <= running.keys()
        found = await leveret("broker", "status", "--json", **home)
        assert found.lines[0]["pid"] == running["pid"]
        shell = await leveret("broker", "start", **home)
        assert shell.out == f"export LEVERET_AMQP_URL={running['amqp_url']}\n"
        applied = await leveret("topology", "apply", url=running["amqp_url"])
        assert applied.code == 0
    finally:
        stopped = await leveret("broker", "stop", "--json", **home)
    assert stopped.lines == [{"stopped": True}]
    again = await leveret("broker", "stop", **home)
    assert again.code == 0
    assert (await leveret("broker", "status", **home)).code == 3


async def test_settings_are_shown_with_their_source_and_without_secrets(tmp_path: Path) -> None:
    """Where a value came from, and never the password."""
    url = "amqp://somebody:secret@broker.example/"
    ended = await leveret("config", "show", "--json", url=url, LEVERET_PREFETCH="7")
    (told,) = ended.lines
    assert told["prefetch"] == {"value": "7", "source": "LEVERET_PREFETCH"}
    assert told["prefix"]["source"] == "default"
    flag = await leveret("config", "show", "--prefix", "mine", url=url)
    assert "--prefix" in flag.out
    assert "secret" not in ended.out + flag.out
    wrong = await leveret("config", "show", LEVERET_PREFETC="7")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean LEVERET_PREFETCH?" in wrong.err
