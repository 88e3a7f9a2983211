"""Pages without a broker: it is told, what leads nowhere says so, and viewers begin nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from unit.console.visiting import USERS, browser_of, log_in, opened, seen, token, visitor
from waiting import until

if TYPE_CHECKING:
    import httpx


@pytest.mark.parametrize(
    "path", ["/letters", "/history", "/letters/0123456789", "/letters/replay", "/letters/export"]
)
async def test_a_broker_that_is_away_is_told_and_tried_again(path: str) -> None:
    """No traceback and no blank page: what happened, that nothing is lost, and another try."""
    async with visitor(opened()) as browser:
        answer = await seen(browser, path)
    assert answer.status_code == 503
    assert "Nothing is lost" in answer.text
    assert 'http-equiv="refresh"' in answer.text
    assert "guest:guest" not in answer.text


async def test_now_and_topology_say_that_the_broker_is_away() -> None:
    """They come back by themselves."""
    async with opened() as app, browser_of(app) as browser:

        async def told() -> httpx.Response | None:
            page = await browser.get("/")
            if "The broker is away" in page.text:
                return page
            assert "Listening for heartbeats" in page.text
            return None

        page = await until(told)
        topology = await browser.get("/topology")
    assert page.status_code == topology.status_code == 200
    assert "cannot be seen" in topology.text
    assert "guest:guest" not in page.text + topology.text


async def test_an_address_that_leads_nowhere_says_so() -> None:
    """In words, with a way back."""
    async with visitor(opened()) as browser:
        for path in ("/nowhere", "/contracts/nothing", "/letters?group=nobody"):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert "Go to the console" in answer.text
        run = await browser.get("/runs/unknown")
        assert run.status_code == 404
        assert 'href="/history?group=default">What was done' in run.text


@pytest.mark.parametrize("query", ["since=yesterday", "id=ab", "page=-1", "page=99999999999999"])
async def test_nonsense_in_an_address_is_no_error_of_ours(query: str) -> None:
    """It is refused in words, or means nothing."""
    async with visitor(opened()) as browser:
        assert (await seen(browser, f"/letters?{query}")).status_code in {400, 503}


@pytest.mark.parametrize(
    "path",
    [
        "/letters/replay",
        "/letters/discard",
        "/letters/0123456789/edit",
        "/letters/0123456789/check",
    ],
)
async def test_a_viewer_can_begin_nothing(path: str) -> None:
    """Neither by the page nor past it."""
    async with visitor(opened(USERS)) as browser:
        await log_in(browser, "vera")
        form = {"token": token(await browser.get("/contracts")), "once": "x", "body": "{}"}
        assert (await browser.post(path, data=form)).status_code == 403
        if not path.endswith("check"):
            assert (await browser.get(path)).status_code == 403


async def test_what_changes_something_is_never_a_get() -> None:
    """Addresses of actions answer a GET with a page or not at all."""
    async with visitor(opened()) as browser:
        assert (await browser.get("/runs/x/stop")).status_code == 405
        assert (await browser.get("/logout")).status_code == 404
