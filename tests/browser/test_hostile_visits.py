"""Nothing that a stranger wrote runs in an operator's browser; and all pages are for everybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson
import pytest
from broker.worker import NAMES, PATIENCE, RUNGS, Asking, eventually, serving
from browser.conftest import LAPTOP, PHONE, console_at, expect_seen, visiting

from examples import registry
from workers import headers as h
from workers.link.ground import stand
from workers.publication import Publication
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from browser.conftest import Visit
    from playwright.async_api import Browser

#: Sets a mark in the page wherever it runs.
SCRIPT: Final = "<img src=x onerror=window.owned=1><script>window.owned=1</script>"
ATTRIBUTE: Final = "\" onmouseover='window.owned=1' autofocus onfocus=window.owned=1 x=\""
PAGES: Final = (
    "/",
    "/letters",
    "/history",
    "/contracts/task_request/echo",
    "/topology",
    "/replicas/hare",
)
#: What the documentation shows of these visits; the operator's story makes the others.
PICTURES: Final = (
    "contracts.png",
    "contracts-phone.png",
    "letters-phone.png",
    "now-phone.png",
    "replica.png",
    "topology.png",
    "topology-phone.png",
)
#: Pages before something is done.
ACTING: Final = ("/letters/replay", "/letters/discard", "/letters/export")


def hostile() -> list[Publication]:
    """Return messages that try to be more than text, wherever a page may show it."""
    body: dict[str, Any] = {
        "message_type": SCRIPT,
        "source_agent": {"agent_id": ATTRIBUTE},
        "payload": {"message_type": SCRIPT, SCRIPT: ATTRIBUTE, "a\r\nSet-Cookie: x=1": "</pre>"},
    }
    return [
        Publication(
            NAMES.requests,
            "task_request",
            orjson.dumps(body),
            {SCRIPT: ATTRIBUTE, "x": SCRIPT},
            type=ATTRIBUTE,
            correlation_id="a",
        ),
        Publication(NAMES.requests, "task_request", SCRIPT.encode(), correlation_id="b"),
        Publication(
            NAMES.requests, "task_request", b'{"payload":{"</textarea><script>":"\\u202e"}}'
        ),
        _forged(),
    ]


def _forged() -> Publication:
    """Return a letter that no worker wrote: whoever may write there writes what they like."""
    error = {"field_path": SCRIPT, "pointer": ATTRIBUTE, "error_type": SCRIPT, "message": SCRIPT}
    attempt = {"attempt": 1, "error_code": SCRIPT, "reason": ATTRIBUTE, "worker": SCRIPT}
    told = {"reason": SCRIPT, "exception": ATTRIBUTE, "errors": [error], "error_count": 3}
    names = (h.ID, h.ERROR_CODE, h.MESSAGE_TYPE, h.TASK_TYPE, h.WORKER, h.QUEUE, h.REPLAY_OF)
    headers: dict[str, object] = {
        **dict.fromkeys(names, SCRIPT),
        **dict.fromkeys((h.FINGERPRINT, h.EXCHANGE, h.ROUTING_KEY, h.USER_ID), ATTRIBUTE),
        h.ERROR: orjson.dumps(told).decode(),
        h.HISTORY: orjson.dumps([attempt]).decode(),
        h.FAILED_AT: "2026-05-01T12:00:00+00:00",
        h.REPLAYS: 2,
    }
    return Publication(NAMES.dead, NAMES.dead_key("default"), SCRIPT.encode(), headers)


@pytest.fixture
async def address(amqp_url: str) -> AsyncIterator[str]:
    """Lend a console over a worker and letters that strangers wrote."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=PATIENCE)
    async with (
        Asking(amqp_url) as asking,
        serving(amqp_url, registry, retry_delays=RUNGS, agent_id="hare", heartbeat_interval=0.5),
        console_at(amqp_url, registry, retry_delays=RUNGS) as console,
    ):
        for message in hostile():
            await asking.client.publish(message)
        await eventually(lambda: sum(map(len, asking.letters.values())) == len(hostile()))
        yield console


async def _owned(visit: Visit) -> bool:
    await visit.page.mouse.move(300, 300)
    found: bool = await visit.page.evaluate("window.owned === 1")
    return found


async def test_a_letter_is_only_text(address: str, browser: Browser) -> None:
    """Neither its body, headers, types nor sender run in the list, the letter or the edit."""
    async with visiting(browser, address) as visit:
        page = visit.page
        await visit.to("/letters")
        assert not await _owned(visit)
        links = page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$"))
        paths = [await one.get_attribute("href") for one in await links.all()]
        assert len(paths) == len(hostile())
        for path in paths:
            assert path is not None
            await visit.to(path)
            await page.get_by_text("entries").click()
            assert not await _owned(visit)
            letter, _, query = path.partition("?")
            await visit.to(f"{letter}/edit?{query}")
            assert not await _owned(visit)
            shown = await page.get_by_label("The body of the message").input_value()
            assert shown.strip() != ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible(
    address: str, browser: Browser, pictures: Path, scheme: str
) -> None:
    """No serious finding of axe's, on a laptop and on a phone; nothing scrolls sideways."""
    axe = pytest.importorskip("axe_playwright_python.async_playwright").Axe()
    for name, size in (("laptop", LAPTOP), ("phone", PHONE)):
        # axe is put into the page by the test, past the policy of the page itself.
        async with visiting(
            browser, address, viewport=size, color_scheme=scheme, bypass_csp=True
        ) as visit:
            letter = await _letter(visit)
            await visit.to("/")
            await visit.page.get_by_role("link", name="hare").wait_for()
            for path in (*PAGES, *ACTING, letter, letter.replace("?", "/edit?")):
                await visit.to(path)
                await visit.page.wait_for_load_state()
                found = (await axe.run(visit.page)).response["violations"]
                serious = [
                    (one["id"], one["nodes"][0]["html"], one["nodes"][0].get("failureSummary"))
                    for one in found
                    if one["impact"] in {"serious", "critical"}
                ]
                assert serious == [], f"{path} on a {name}, {scheme}"
                wide = await visit.page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wide <= 0, f"{path} scrolls sideways on a {name}"
                file = f"{_named(path)}{'-phone' if name == 'phone' else ''}.png"
                if (name, scheme) in {("laptop", "light"), ("phone", "dark")} and file in PICTURES:
                    await visit.page.screenshot(path=pictures / file)


async def test_a_page_keeps_itself_fresh_without_a_reload(
    address: str, browser: Browser, amqp_url: str
) -> None:
    """Now shows letters that come while it is open."""
    async with visiting(browser, address) as visit, Asking(amqp_url) as asking:
        await visit.to("/")
        open_letters = visit.page.locator(".figure", has_text="Dead letters").locator(".value")
        await open_letters.get_by_text(str(len(hostile()))).wait_for()
        await asking.client.publish(Publication(NAMES.requests, "task_request", b"x"))
        await expect_seen(open_letters.get_by_text(str(len(hostile()) + 1)))


async def test_a_kind_with_a_hostile_name_is_planned_as_text(
    address: str, browser: Browser
) -> None:
    """Its plan, its export and its discard, whose reason is hostile too; the history shows both."""
    async with visiting(browser, address) as visit:
        page = visit.page
        await visit.to(f"/letters?{urlencode({'code': SCRIPT})}")
        await page.get_by_role("heading", name="1 letter").wait_for()
        assert not await _owned(visit)
        for name in ("Replay…", "Export…", "Discard…"):
            await visit.to(f"/letters?{urlencode({'code': SCRIPT})}")
            await page.get_by_role("button", name=name).click()
            await page.get_by_role("heading", name="1 letter").wait_for()
            assert not await _owned(visit)
        await page.get_by_label("Why nobody needs them").fill(SCRIPT)
        await page.get_by_role("button", name="Discard 1 letter").click()
        await page.locator("#ending", has_text="done").wait_for()
        assert not await _owned(visit)
        await visit.to("/history")
        await page.get_by_text("window.owned=1").first.wait_for()
        assert not await _owned(visit)


async def test_a_contract_is_published_and_answered(address: str, browser: Browser) -> None:
    """The form's example as it stands; the answer stands below it."""
    async with visiting(browser, address) as visit:
        await visit.to("/contracts/task_request/echo")
        await visit.page.get_by_role("button", name="Publish and wait").click()
        await expect_seen(visit.page.get_by_text("Answered after"))
        await expect_seen(visit.page.get_by_label("The answer").get_by_text("completed"))


async def test_the_keyboard_is_enough(address: str, browser: Browser) -> None:
    """The first tab skips to the content, and whatever has the focus shows it."""
    async with visiting(browser, address) as visit:
        await visit.to("/letters")
        await visit.page.keyboard.press("Tab")
        await visit.page.keyboard.press("Enter")
        assert await visit.page.evaluate("document.activeElement.id") == "content"
        for _ in range(12):
            await visit.page.keyboard.press("Tab")
            style = await visit.page.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle"
            )
            assert style != "none"


async def _letter(visit: Visit) -> str:
    await visit.to("/letters")
    link = visit.page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first
    path = await link.get_attribute("href")
    assert path is not None
    return path


def _named(path: str) -> str:
    known = {"/": "now", "/contracts/task_request/echo": "contracts", "/replicas/hare": "replica"}
    return known.get(path, path.strip("/"))
