"""What a person is told where the broker takes the login and refuses the rest."""

from __future__ import annotations

from urllib.parse import quote

from broker.command import leveret
from broker.letters import prepare, write

from workers.broker import ManagementApi


async def test_a_limit_of_connections_is_told_as_that(amqp_url: str, management_url: str) -> None:
    """Not as a broker that does not answer."""
    vhost = quote(amqp_url.rpartition("/")[2])
    limit = f"/api/vhost-limits/{vhost}/max-connections"
    ManagementApi(management_url)._request("PUT", limit, {"value": 0})
    ended = await leveret("dlq", "ls", url=amqp_url)
    assert ended.code == 1
    assert "takes no more connections" in ended.err
    assert "connection limit (0) is reached" in ended.err


async def test_a_virtual_host_that_is_not_there_is_told_as_that(amqp_url: str) -> None:
    """With what makes it."""
    ended = await leveret("dlq", "ls", url=f"{amqp_url}-not-there")
    assert ended.code == 1
    assert "rabbitmqctl add_vhost" in ended.err


async def test_a_page_beyond_the_last_is_told_with_how_many_there_are(amqp_url: str) -> None:
    """It is not that there are no dead letters."""
    await prepare(amqp_url)
    await write(amqp_url, 3)
    ended = await leveret("dlq", "ls", "--page", "999999", url=amqp_url)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "leveret: there is no page 999999: 3 letters in all; begin at --page 1\n"
