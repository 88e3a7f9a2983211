"""Operators and running replicas: `leveret ctl` against real workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from broker.command import leveret, user
from broker.worker import NAMES, Asking, eventually, serving

from examples import registry
from topology import Permissions, Role, parse_delays, permissions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.service import Service


@pytest.fixture
async def replica(amqp_url: str) -> AsyncIterator[Service]:
    """Lend a worker called one."""
    async with serving(amqp_url, registry, agent_id="one", prefetch=20) as (service, _):
        yield service


async def asked(url: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code of a ctl verb, and what each replica said."""
    ended = await leveret("ctl", *arguments, "--json", url=url)
    return ended.code, ended.lines


async def test_a_paused_replica_takes_nothing_until_it_is_resumed(
    amqp_url: str, replica: Service
) -> None:
    """It stays connected and says why it is not ready; what was published waits."""
    code, (told,) = await asked(amqp_url, "pause")
    assert (code, told["replica"], told["state"]) == (0, "one", "paused")
    assert "paused" in (replica._watch.health.reason or "")
    async with Asking(amqp_url) as asking:
        one = await asking.publish(asking.task("echo"))
        code, (told,) = await asked(amqp_url, "ping", "one")
        assert (code, told["state"], told["in_flight"]) == (0, "paused", 0)
        assert not asking.answers[one]
        code, (told,) = await asked(amqp_url, "resume", "one")
        assert (code, told["state"]) == (0, "serving")
        await eventually(lambda: asking.answers[one])


async def test_maintenance_is_a_flag_of_the_replica(amqp_url: str, replica: Service) -> None:
    """On, seen, off."""
    code, (told,) = await asked(amqp_url, "maintenance", "on", "one")
    assert (code, told["maintenance"], replica.state.maintenance) == (0, True, True)
    _, (told,) = await asked(amqp_url, "maintenance", "off")
    assert (told["maintenance"], replica.state.maintenance) == (False, False)


async def test_a_drained_replica_leaves(amqp_url: str, replica: Service) -> None:
    """It answers, then goes as on SIGTERM."""
    code, (told,) = await asked(amqp_url, "drain", "one")
    assert (code, told["state"]) == (0, "draining")
    assert replica._leave.is_set()


async def test_every_replica_answers_once(amqp_url: str, replica: Service) -> None:
    """And one that is named and not there is exit code 3."""
    async with serving(amqp_url, registry, agent_id="two"):
        code, told = await asked(amqp_url, "ping")
        assert (code, {one["replica"] for one in told}) == (0, {"one", "two"})
    code, told = await asked(amqp_url, "ping", "three", "--timeout", "0.3")
    assert (code, told) == (3, [])


async def test_nobody_there_is_exit_code_3(amqp_url: str) -> None:
    """After the topology is there; before, it says what to run."""
    missing = await leveret("ctl", "ping", url=amqp_url)
    assert missing.code == 1
    assert "leveret topology apply" in missing.err
    await leveret("topology", "apply", url=amqp_url)
    ended = await leveret("ctl", "ping", "--timeout", "0.3", url=amqp_url)
    assert (ended.code, ended.out) == (3, "")


async def test_the_operators_role_is_enough_and_another_user_is_refused(
    amqp_url: str, management_url: str, replica: Service
) -> None:
    """By the broker's word of who speaks, with the least rights that the role scheme gives."""
    may = permissions(Role.OPERATOR, NAMES)
    operator = user(management_url, amqp_url, f"{NAMES.prefix}.operator", may)
    stranger = user(management_url, amqp_url, "stranger", may)
    code, (told,) = await asked(operator, "pause")
    assert (code, told["state"], told["refused"]) == (0, "paused", "")
    code, (told,) = await asked(stranger, "resume")
    assert code == 1
    assert "LEVERET_CONTROL_USERS" in told["refused"]
    assert replica.state.paused


async def test_a_worker_that_may_not_listen_works_and_listens_once_it_may(
    amqp_url: str, management_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing right costs the work nothing, and is noticed when it is given."""
    monkeypatch.setattr("workers.link.ear.TRY_EVERY", 0.1)
    await leveret("topology", "apply", url=amqp_url)
    url = user(management_url, amqp_url, "deaf", Permissions("^$", ".*", ".*"))
    rungs = parse_delays("1s,10s,60s,10m")  # what `topology apply` declares
    one = {"agent_id": "deaf", "control_users": ("guest",), "retry_delays": rungs}
    async with serving(url, registry, **one):
        code, told = await asked(amqp_url, "ping", "--timeout", "0.3")
        assert (code, told) == (3, [])
        async with Asking(amqp_url) as asking:
            await asking.answer(asking.task("echo"))
        user(management_url, amqp_url, "deaf", Permissions(".*", ".*", ".*"))
        async with asyncio.timeout(15):
            while (await asked(amqp_url, "ping", "deaf", "--timeout", "1"))[0] != 0:
                pass
