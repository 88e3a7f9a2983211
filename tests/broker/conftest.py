"""What tests of several pages here lend, and what those need that harm a whole broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from broker.harm import echoing
from broker.users import Users
from broker.vhost import Vhost
from broker.worker import Asking, serving

from workers.broker import NoBrokerError, PrivateBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from workers import Registry
    from workers.service import Service


@pytest.fixture(scope="module")
def own() -> Iterator[PrivateBroker]:
    """Lend a broker that no other module talks to: it may be stopped, frozen and alarmed."""
    try:
        with PrivateBroker.start() as broker:
            yield broker
    except NoBrokerError as error:
        pytest.skip(str(error))


@pytest.fixture
def vhost(amqp_url: str, management_url: str) -> Vhost:
    """Return the means to harm this test's virtual host."""
    return Vhost(amqp_url, management_url)


@pytest.fixture
def users(management_url: str, amqp_url: str) -> Iterator[Users]:
    """Lend users that are gone after the test."""
    made = Users(management_url, amqp_url)
    yield made
    made.forget()


@pytest.fixture
def registry() -> Registry:
    """Return what the workers of these tests do."""
    return echoing()


@pytest.fixture
async def scene(
    own: PrivateBroker, registry: Registry
) -> AsyncIterator[tuple[PrivateBroker, Service, Asking]]:
    """Lend a worker at that broker, and somebody who asks."""
    async with serving(own.amqp_url, registry) as (service, _), Asking(own.amqp_url) as asking:
        yield own, service, asking
