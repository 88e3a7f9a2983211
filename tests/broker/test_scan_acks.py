"""What a scan acked is gone, however soon it ends."""

from __future__ import annotations

import pytest
from broker.worker import NAMES, PATIENCE, RUNGS

from workers.link.client import Client
from workers.link.desk import Desk
from workers.link.ground import stand
from workers.link.scan import scanning
from workers.outcome import Delivery
from workers.publication import Publication, Published
from workers.settings import Settings


@pytest.mark.parametrize("kept", [0, 7])
async def test_every_ack_counts_when_a_scan_ends_at_once(amqp_url: str, kept: int) -> None:
    """The broker's channel holds acks back; closing it must not lose them."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=PATIENCE)
    async with Client(amqp_url, NAMES, heard=lambda _: None) as client:
        for number in range(400):
            letter = Publication(NAMES.dead, NAMES.dead_key("default"), str(number).encode())
            assert await client.publish(letter) is Published.CONFIRMED
    desk = Desk(amqp_url=amqp_url, names=NAMES, group="default")
    letters: list[Delivery] = []
    async with scanning(desk) as scan:
        await scan.read(letters.append)
        for number, letter in enumerate(letters):
            if not kept or number % 50 != kept:
                assert scan.ack(letter)
    left: list[Delivery] = []
    async with scanning(desk) as scan:
        await scan.read(left.append)
    assert [int(one.body) for one in left] == ([kept + 50 * n for n in range(8)] if kept else [])
