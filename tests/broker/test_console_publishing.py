"""One message from the console: what its answer says is what the page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from broker.letters import prepare
from broker.replaying import processors
from broker.worker import serving
from unit.console.visiting import USERS, browser_of, log_in, opened, token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx


@pytest.fixture
async def otto(amqp_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Lend an operator's browser, beside a worker."""
    await prepare(amqp_url)
    registry = processors()
    async with (
        serving(amqp_url, registry),
        opened(USERS, registry=registry, amqp_url=amqp_url) as app,
        browser_of(app) as browser,
    ):
        await log_in(browser, "otto")
        yield browser


async def _publish(browser: httpx.AsyncClient, task: str, sent: dict[str, str], **more: str) -> str:
    """Send the form of a task with these parameters and return the page."""
    path = f"/contracts/task_request/{task}"
    request = {"task_type": task, "parameters": sent}
    payload = orjson.dumps({"message_type": "task_request", "request": request}).decode()
    form = {"token": token(await browser.get(path)), "payload": payload, **more}
    return (await browser.post(path, data=form)).text


async def test_what_was_done_is_shown_as_done(otto: httpx.AsyncClient) -> None:
    """Green, and the answer whole."""
    page = await _publish(otto, "echo", {"text": "x"})
    assert "note good" in page
    assert "note bad" not in page


async def test_a_refusal_is_shown_as_one(otto: httpx.AsyncClient) -> None:
    """Red, with its code and reason."""
    page = await _publish(otto, "reject", {"text": "x"})
    assert "note good" not in page
    bad = page[page.index("note bad") : page.index("</div>", page.index("note bad"))]
    assert "<code>rejected</code>" in bad
    assert "not today" in bad
    assert 'href="/letters/' in bad


async def test_a_misfit_that_was_sent_all_the_same_is_told_place_by_place(
    otto: httpx.AsyncClient,
) -> None:
    """As the worker saw it."""
    page = await _publish(otto, "echo", {"width": "wide"}, anyway="on")
    bad = page[page.index("note bad") : page.index("</div>", page.index("note bad"))]
    assert "<code>invalid_payload</code>" in bad
    assert "<code>/payload/request/parameters/text</code>" in bad
    assert "<code>/payload/request/parameters/width</code>" in bad
