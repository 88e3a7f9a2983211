"""A RabbitMQ in a container stands in for an installed one, for tests and `leveret dev`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from broker.worker import Asking, serving
from compose.stack import run

from examples import registry
from workers.broker import ManagementApi
from workers.broker.container import ContainerBroker
from workers.broker.ownership import this_process

pytestmark = pytest.mark.docker


@pytest.fixture
def broker(images: tuple[str, ...]) -> Iterator[ContainerBroker]:
    """Lend a broker that testcontainers has started, and see that nothing of it is left."""
    del images
    with ContainerBroker.start() as started:
        yield started
    mine = f"label=leveret.broker.owner={this_process()}"
    left = ("docker", "ps", "--all", "--quiet", "--filter", mine)
    assert run(left) == ""


async def test_a_worker_answers_on_it(broker: ContainerBroker) -> None:
    """As on any broker: asked, answered, a failure dead-lettered, and its HTTP API tells."""
    async with serving(broker.amqp_url, registry), Asking(broker.amqp_url) as asking:
        answer = await asking.answer(asking.task("echo", parameters={"text": "hare"}))
        assert answer["response"]["result_data"] == {"text": "hare"}
        assert await asking.letter(asking.bytes(b"{", "letter"))
    assert ManagementApi(broker.management_url).bindings("/")
