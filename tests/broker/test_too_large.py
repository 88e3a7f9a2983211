"""A message that is larger than the broker takes ends visibly, and nobody else's waits for it."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

import pytest
from broker.worker import NAMES, eventually

from workers.link.ground import stand
from workers.link.link import Link, LinkPlan
from workers.publication import Publication, Published
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.broker import PrivateBroker

LIMIT = 100_000


def limit(broker: PrivateBroker, size: int) -> None:
    """Set how large a message may be, for channels that are opened from now on."""
    # Versions read it in different places.
    put = f"application:set_env(rabbit, max_message_size, {size})"
    broker.nodes[0].control("eval", f"{put}, persistent_term:put(max_message_size, {size}).")


@pytest.fixture
async def link(own: PrivateBroker) -> AsyncIterator[Link]:
    """Lend a line to a broker that takes little."""
    limit(own, LIMIT)
    await stand(Settings(amqp_url=own.amqp_url), patience=5)
    plan = LinkPlan(amqp_url=own.amqp_url, queues={}, name="large")
    link = Link(plan, lambda _: None)
    await link.publish_only(within=10)
    try:
        yield link
    finally:
        await link.stop(within=5)
        limit(own, 128 * 2**20)


def publish(link: Link, fates: dict[str, Published], name: str, size: int) -> None:
    """Publish a body of a size, and note its fate by its name."""

    def told(fate: Published) -> None:
        fates[name] = fate

    link.publish(Publication("", NAMES.dead_queue("default"), b"x" * size), told)


async def test_one_that_is_too_large_ends_and_the_others_go_on(
    own: PrivateBroker, link: Link
) -> None:
    """It costs one channel; those that are as large cost nobody anything; a raised limit heals."""
    fates: dict[str, Published] = {}
    for number in range(40):
        publish(link, fates, str(number), 2 * LIMIT if number == 20 else 100)
    await eventually(lambda: len(fates) == 40, within=30)
    wrong = {name: fate for name, fate in fates.items() if fate is not Published.CONFIRMED}
    assert wrong == {"20": Published.UNSENDABLE}
    await eventually(lambda: link.outbox.attached)
    lives = link._publishing.supervisor.lives
    publish(link, fates, "again", 3 * LIMIT)
    publish(link, fates, "small", 100)
    await eventually(lambda: len(fates) == 42, within=30)
    assert (fates["again"], fates["small"]) == (Published.UNSENDABLE, Published.CONFIRMED)
    assert link._publishing.supervisor.lives == lives
    limit(own, 10 * LIMIT)
    for name in ("raised", "raised again"):  # the first may find a channel of before
        publish(link, fates, name, 3 * LIMIT)
        await eventually(partial(fates.get, name), within=30)
    assert fates["raised again"] is Published.CONFIRMED
    assert link._careful.too_large == inf
