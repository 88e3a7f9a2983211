"""What goes on can be held and let go: a replay by its buttons, a replica by its own."""

from __future__ import annotations

import pytest
from broker.clicking import expect_open, open_letters, over, people, shows
from broker.letters import WORK, held, prepare, write
from broker.replaying import processors
from broker.worker import serving
from unit.console.visiting import USERS, browser_of, form, log_in, opened, seen, token


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with letters."""
    await prepare(amqp_url)
    await write(amqp_url, 40)
    return amqp_url


async def test_a_replay_is_paused_and_resumed_and_ends_whole(url: str) -> None:
    """By another operator than began it, from another browser; a viewer cannot."""
    async with (
        serving(url, processors()),
        people(url) as (app, one, two),
        browser_of(app) as vera,
    ):
        await log_in(vera, "vera")
        page = await seen(one, "/letters/replay")
        sent = form(page, rate="6", all="on", why="slowly")
        address = (await one.post("/letters/replay", data=sent)).headers["location"]
        page = await shows(two, address, "The rest follows")
        answer = await two.post(f"{address}/pause", data={"token": token(page)})
        assert answer.headers["location"] == address
        page = await shows(one, address, 'id="paused"')
        stands = await open_letters(one)
        assert 0 < stands < 40
        watched = await vera.get(address)
        assert "Resume" not in watched.text
        theirs = token(await vera.get("/contracts"))
        for verb in ("resume", "pause", "stop"):
            refused = await vera.post(f"{address}/{verb}", data={"token": theirs})
            assert refused.status_code == 403
        assert await open_letters(one) == stands
        await one.post(f"{address}/resume", data={"token": token(page)})
        assert 'id="ending">done<' in await over(one, address)
        await expect_open(one, 0)
        assert len(await held(url, WORK)) == 0


async def test_a_replica_is_paused_resumed_and_drained_by_an_operator(url: str) -> None:
    """It says itself how it stands then; and a viewer asks it nothing."""
    async with (
        serving(url, processors(), agent_id="hare", heartbeat_interval=0.2) as (service, _),
        opened(USERS, amqp_url=url) as app,
        browser_of(app) as otto,
        browser_of(app) as vera,
    ):
        await log_in(otto, "otto")
        await log_in(vera, "vera")
        await shows(otto, "/", "/replicas/hare")
        page = await otto.get("/replicas/hare")
        sent = {"token": token(page)}
        paused = await otto.post("/replicas/hare/pause", data=sent)
        assert "<strong>It answered:</strong> paused" in paused.text
        assert service.state.paused
        resumed = await otto.post("/replicas/hare/resume", data=sent)
        assert "<strong>It answered:</strong> serving" in resumed.text
        seen = await vera.get("/replicas/hare")
        assert "Drain" not in seen.text
        theirs = {"token": token(await vera.get("/contracts"))}
        assert (await vera.post("/replicas/hare/drain", data=theirs)).status_code == 403
        assert (await otto.post("/replicas/hare/drain", data={"x": "y"})).status_code == 403
        assert (await otto.post("/replicas/nobody/drain", data=sent)).status_code == 404
        drained = await otto.post("/replicas/hare/drain", data=sent)
        assert "<strong>It answered:</strong> draining" in drained.text
