"""One message from the console: what its answer says is what the page says."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import orjson
import pytest
from broker.letters import prepare
from broker.replaying import Words, processors
from broker.worker import PATIENCE, serving
from unit.console.visiting import USERS, browser_of, form, log_in, opened

from workers import Context, Registry
from workers.console import asking
from workers.link import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from workers.broker import PrivateBroker


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
    sent = form(await browser.get(path), payload=payload, **more)
    return (await browser.post(path, data=sent)).text


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


async def test_a_form_sent_five_times_at_once_is_one_message(amqp_url: str) -> None:
    """A double click, a proxy that tries again, a reload: each shows what the first one came to."""
    await prepare(amqp_url)
    registry, effects = Registry(), []

    @registry.task("charge", parameters=Words)
    async def charge(words: Words, _context: Context) -> Words:
        effects.append(words.text)
        return words

    async with (
        serving(amqp_url, registry),
        opened(USERS, registry=registry, amqp_url=amqp_url) as app,
        browser_of(app) as browser,
    ):
        await log_in(browser, "otto")
        path = "/contracts/task_request/charge"
        request = {"task_type": "charge", "parameters": {"text": "10 EUR"}}
        payload = orjson.dumps({"message_type": "task_request", "request": request}).decode()
        sent = form(await browser.get(path), payload=payload)
        pages = await asyncio.gather(*(browser.post(path, data=sent) for _ in range(5)))
        assert effects == ["10 EUR"]
        assert all("note good" in page.text for page in pages)
        assert [page.text.count("counts once") for page in pages].count(0) == 1
        await browser.post(path, data=form(pages[0], payload=payload))
        assert effects == ["10 EUR"] * 2


async def test_a_broker_in_alarm_keeps_nobody_waiting(
    own: PrivateBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes nothing and says nothing: the page says that, and makes room for the next one."""
    monkeypatch.setattr(asking, "PATIENCE", 0.5)
    monkeypatch.setattr(client, "LAST_CONFIRMS", 0.1)
    await prepare(own.amqp_url)
    control = partial(asyncio.to_thread, own.nodes[0].control, "set_vm_memory_high_watermark")
    async with (
        opened(USERS, registry=processors(), amqp_url=own.amqp_url) as app,
        browser_of(app) as browser,
    ):
        await log_in(browser, "otto")
        await control("absolute", "1MB")
        try:
            async with asyncio.timeout(PATIENCE):
                page = await _publish(browser, "echo", {"text": "x"})
        finally:
            await control("absolute", "2GB")
    assert "did not confirm" in page
