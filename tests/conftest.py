"""One broker for the whole run, started when the first test asks; a virtual host for each test."""

from __future__ import annotations

import logging
import os
import uuid
from typing import TYPE_CHECKING, Final

import postgres
import pytest
from hypothesis import HealthCheck, settings

from workers.broker import Broker, ManagementApi, NoBrokerError, choose, with_vhost

if TYPE_CHECKING:
    from collections.abc import Iterator

# A property holds or not, however long a busy machine takes over an example of it.
settings.register_profile("leveret", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leveret")

#: Directories whose tests talk to a broker.
WITH_BROKER: Final = ("broker", "faults", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a broker by where they are, or by asking for one."""
    for item in items:
        asks = "amqp_url" in getattr(item, "fixturenames", ())
        if asks or any(part in WITH_BROKER for part in item.path.parts):
            item.add_marker(pytest.mark.broker)


@pytest.fixture(autouse=True)
def _levels_as_they_were() -> Iterator[None]:
    """Take back what a command said about logs: it meant its whole process, which is ours."""
    loggers = [logging.getLogger(name) for name in (None, "leveret", "aiormq", "aio_pika")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """Lend the broker of this run; skips where there is none, except in CI, which must have one."""
    try:
        chosen = choose()
    except NoBrokerError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    yield chosen
    chosen.close()


@pytest.fixture
def management_url(broker: Broker) -> str:
    """Return the HTTP API of the broker, with an administrator's login."""
    return broker.management_url


@pytest.fixture
def amqp_url(broker: Broker) -> Iterator[str]:
    """Lend a virtual host that nobody else uses."""
    api = ManagementApi(broker.management_url)
    vhost = f"test-{uuid.uuid4().hex[:12]}"
    api.create_vhost(vhost)
    yield with_vhost(broker.amqp_url, vhost)
    api.delete_vhost(vhost)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Lend a private PostgreSQL's database; skips where no server is installed."""
    programs = postgres.installed()
    if programs is None:
        pytest.skip("no PostgreSQL is installed; `make testbed` installs one")
    with postgres.serving(programs) as url:
        yield url
