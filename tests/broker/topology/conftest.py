"""A connection to an empty virtual host, and the topology meant for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractConnection
from broker.topology.laid import spec

from topology import Topology, design


@pytest_asyncio.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """Give a plain connection to an empty virtual host."""
    async with await aio_pika.connect(amqp_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def channel(connection: AbstractConnection) -> AbstractChannel:
    """Give a channel on which an unroutable publish raises."""
    return await connection.channel(on_return_raises=True)


@pytest.fixture
def topology(connection: AbstractConnection) -> Topology:
    """Give two groups that take the same messages, for the version of the broker at hand."""
    return design(spec(connection))
