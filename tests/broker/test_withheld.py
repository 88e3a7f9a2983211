"""What the broker withholds - rights, logins, exchanges, room - is told and costs no message."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import pytest
from broker.command import leveret
from broker.harm import answered, as_user, ask, close_connections, health_of
from broker.worker import NAMES, Asking, eventually, serving

if TYPE_CHECKING:
    from broker.vhost import Vhost

    from workers import Registry
    from workers.broker import PrivateBroker
    from workers.service import Service

#: The command that raises a memory alarm, or ends it.
WATERMARK = ("set_vm_memory_high_watermark", "absolute")


#: What is said between two attempts of a line.
AGAIN: Final = re.compile(r"trying again in ([0-9.]+) s")


def patient(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether a line has come to wait for a second: it waits longer each time, on the average."""
    return any(float(wait) >= 1 for wait in AGAIN.findall(caplog.text))


@pytest.fixture
def broker(own: PrivateBroker) -> PrivateBroker:
    """Return where the virtual hosts of these tests are."""
    return own


async def test_a_right_taken_away_costs_no_message_and_few_attempts(
    own: PrivateBroker,
    amqp_url: str,
    registry: Registry,
    vhost: Vhost,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Answers wait until the worker may write again; probes hear what it lacks."""
    user = f"worker-{vhost.name}"
    await vhost.user(user, "first")
    await vhost.permit(user)
    try:
        async with (
            serving(as_user(amqp_url, user, "first"), registry) as (service, metrics),
            Asking(amqp_url) as asking,
        ):
            await answered(asking, await ask(asking, 5))
            await vhost.permit(user, write="^$")
            made = metrics._connections["publishing"]
            told = await ask(asking, 20)
            # Rights are remembered by the channel that used them: a new one must ask anew.
            await close_connections(own, vhost, "publish")
            told += await ask(asking, 20)
            await eventually(lambda: "may we write there" in (health_of(service).reason or ""))
            await eventually(lambda: patient(caplog))
            assert metrics._connections["publishing"] - made <= 15
            assert metrics.in_flight > 0
            await vhost.permit(user)
            await answered(asking, told)
            await eventually(lambda: health_of(service).reason is None)
    finally:
        await vhost.forget(user)


async def test_a_changed_password_is_tried_rarely_and_heals_when_it_is_put_right(
    own: PrivateBroker,
    amqp_url: str,
    registry: Registry,
    vhost: Vhost,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Refused logins are bounded, and say in words what is wrong."""
    user = f"worker-{vhost.name}"
    await vhost.user(user, "first")
    await vhost.permit(user)
    try:
        async with (
            serving(as_user(amqp_url, user, "first"), registry) as (service, _),
            Asking(amqp_url) as asking,
        ):
            await vhost.user(user, "second")
            await close_connections(own, vhost, "consume")
            await eventually(lambda: "refused the login" in (health_of(service).reason or ""))
            await eventually(lambda: patient(caplog))
            assert caplog.text.count("refused the login") <= 10
            await vhost.user(user, "first")
            await answered(asking, await ask(asking, 5))
            assert health_of(service).reason is None
    finally:
        await vhost.forget(user)


async def test_a_missing_exchange_holds_up_its_own_messages_only(
    amqp_url: str, registry: Registry, vhost: Vhost
) -> None:
    """The dead-letter exchange is gone: bad messages stay, good ones are answered, none is lost."""
    async with serving(amqp_url, registry) as (service, metrics), Asking(amqp_url) as asking:
        await answered(asking, await ask(asking, 5))
        form = await vhost.delete_exchange(NAMES.dead)
        bad = [asking.bytes(b"{}", f"bad-{number}") for number in range(5)]
        for publication in bad:
            await asking.publish(publication)
        await eventually(lambda: NAMES.dead in (health_of(service).reason or ""))
        await answered(asking, await ask(asking, 40))
        await eventually(lambda: metrics.in_flight == len(bad))  # the bad ones, and no other
        await vhost.make_exchange(NAMES.dead, form)
        # Not by the journal: a letter may come before it is bound again.
        await eventually(lambda: metrics.ends("dead_lettered") == 5, within=30)
        await eventually(lambda: metrics.in_flight == 0)


async def test_an_alarm_holds_everything_and_harms_nothing(
    scene: tuple[PrivateBroker, Service, Asking], caplog: pytest.LogCaptureFixture
) -> None:
    """Blocked is told, in flight stays within the prefetch, and all is caught up afterwards."""
    own, service, asking = scene
    caplog.set_level("INFO", "leveret.service")
    told = await ask(asking, 50)
    await answered(asking, told)
    fates: list[object] = []
    more = [asking.task("echo") for _ in range(300)]
    await asyncio.to_thread(own.nodes[0].control, *WATERMARK, "1MB")
    try:
        for publication in more:
            asking.client.post(publication, fates.append)
        # The asker is blocked too; what came through before that makes the worker answer.
        service.link.publish(asking.task("echo"), lambda _: None)
        await eventually(lambda: (health_of(service).reason or "").startswith("blocked"))
        assert service._watch.metrics.in_flight <= service.link.most_unsettled
        assert health_of(service).not_consuming_for() == 0
    finally:
        await asyncio.to_thread(own.nodes[0].control, *WATERMARK, "2GB")
    await eventually(lambda: len(fates) == len(more), within=30)
    await answered(asking, [publication.correlation_id or "" for publication in more])
    await eventually(lambda: health_of(service).reason is None)
    lines = [one.message for one in caplog.records if one.name == "leveret.service"]
    assert [sum(said in line for line in lines) for said in ("is in alarm", "is over")] == [1, 1]


async def test_frames_too_small_for_a_dead_letter_are_refused_at_the_start(
    own: PrivateBroker,
) -> None:
    """By `run` and `doctor`, with the size that is needed."""
    frames = "application:set_env(rabbit, frame_max, {})."
    await asyncio.to_thread(own.nodes[0].control, "eval", frames.format(8_192))
    try:
        for command, code in (("run", 1), ("doctor", 1)):
            ended = await leveret(command, url=own.amqp_url, LEVERET_HTTP_PORT="0")
            assert ended.code == code
            said = " ".join((ended.err + ended.out).split())
            assert "takes frames of 8192 bytes" in said
            assert "raise frame_max" in said
    finally:
        await asyncio.to_thread(own.nodes[0].control, "eval", frames.format(131_072))
