"""All that operators do is done by plain links and forms too, in a browser that runs no script."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest
from broker.letters import Kind, post, prepare, task, write
from broker.letters import letter as dead
from broker.replaying import processors
from broker.worker import PATIENCE, serving
from browser.conftest import console_at, visiting
from playwright.async_api import expect

from messages import ErrorCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from browser.conftest import Visit
    from playwright.async_api import Browser

#: Letters that would pass: more than a page of them.
LETTERS: Final = 60
REJECTED: Final = Kind(ErrorCode.REJECTED, "reject")
#: Milliseconds for what a page learns by loading itself again.
BY_ITSELF: Final = PATIENCE * 1_000


@pytest.fixture
async def address(amqp_url: str) -> AsyncIterator[str]:
    """Lend a console over letters, and a worker that could do most of them now."""
    await prepare(amqp_url)
    await write(amqp_url, LETTERS)
    await write(amqp_url, 2, REJECTED, start=900)
    async with (
        serving(amqp_url, processors(), agent_id="hare", heartbeat_interval=0.2),
        console_at(amqp_url, processors()) as console,
    ):
        yield console


@asynccontextmanager
async def plainly(browser: Browser, address: str) -> AsyncIterator[Visit]:
    """Lend a visit without scripts; a refused form is no complaint of a page's."""
    async with visiting(browser, address, java_script_enabled=False) as visit:
        yield visit
        refused = "the server responded with a status of 422"
        visit.complaints[:] = [one for one in visit.complaints if refused not in one]


async def test_letters_are_filtered_and_leafed_through(address: str, browser: Browser) -> None:
    """The filters hold on every page."""
    async with plainly(browser, address) as visit:
        page = visit.page
        await visit.to("/letters")
        await page.get_by_label("Error code").select_option("invalid_payload")
        await page.get_by_text("More filters").click()
        await page.get_by_label("Sender").fill("asker-1")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.get_by_role("heading", name=f"{LETTERS // 3} letters")).to_be_visible()
        await page.get_by_label("Sender").fill("")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.get_by_role("heading", name=f"{LETTERS} letters")).to_be_visible()
        await page.get_by_role("link", name="Older").click()
        await expect(page.get_by_text("page 2")).to_be_visible()
        await expect(page.get_by_role("checkbox")).to_have_count(LETTERS - 50)
        await page.get_by_role("link", name="Newer").click()
        await expect(page.get_by_role("checkbox")).to_have_count(50)
        await page.get_by_role("link", name="Clear").click()
        await expect(page.get_by_role("heading", name=f"{LETTERS + 2} letters")).to_be_visible()


async def test_a_replay_is_paused_resumed_and_shown_to_its_end(
    address: str, browser: Browser
) -> None:
    """The page of a run loads itself again: nobody reloads it here."""
    async with plainly(browser, address) as visit:
        page = visit.page
        await visit.to("/letters?code=invalid_payload")
        await page.get_by_role("button", name="Replay…").click()
        await page.get_by_label("Messages a second").fill("10")
        await page.get_by_role("button", name=f"Replay {LETTERS} letters").click()
        await expect(page.get_by_role("heading", name="The rest follows")).to_be_visible(
            timeout=BY_ITSELF
        )
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#paused")).to_be_visible()
        await expect(page.get_by_role("button", name="Pause")).to_be_hidden()
        await page.get_by_role("button", name="Resume").click()
        await expect(page.locator("#paused")).to_be_hidden()
        await expect(page.locator("#ending")).to_have_text("done", timeout=2 * BY_ITSELF)
        await visit.to("/history")
        await expect(page.locator("tbody tr")).to_contain_text(f"{LETTERS}")


async def test_a_letter_is_edited_and_checked_when_it_is_sent(
    address: str, browser: Browser, amqp_url: str
) -> None:
    """What does not fit comes back with the places, and as it was typed."""
    await post(amqp_url, [dead(task(1, "echo", width="wide"), Kind(task_type="mended"))])
    async with plainly(browser, address) as visit:
        page = visit.page
        await visit.to("/letters?task=mended")
        await page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
        await page.get_by_role("link", name="Edit…").click()
        text = page.get_by_label("The body of the message")
        await expect(page.locator("#verdict")).to_contain_text("would fail again")
        before = await text.input_value()
        await page.get_by_label("Why").fill("a typo")
        await page.get_by_role("button", name="Send the edited message").click()
        await expect(page.locator("#verdict")).to_contain_text("/payload/request/parameters/width")
        assert await text.input_value() == before
        await text.fill(before.replace('"wide"', "7"))
        await page.get_by_role("button", name="Send the edited message").click()
        await expect(page.locator("#ending")).to_have_text("done", timeout=BY_ITSELF)


async def test_a_message_is_published_and_what_came_of_it_is_shown(
    address: str, browser: Browser
) -> None:
    """A misfit is told before it is sent; sent all the same, as the worker tells it."""
    async with plainly(browser, address) as visit:
        page = visit.page
        await visit.to("/contracts/task_request/echo")
        publish = page.get_by_role("button", name="Publish and wait")
        payload = page.get_by_label("Payload, as JSON")
        good = await payload.input_value()
        await payload.fill(good.replace('"width": 0', '"width": "wide"'))
        await publish.click()
        await expect(page.get_by_role("alert")).to_contain_text("/payload/request/parameters/width")
        await page.get_by_label("send it all the same").check()
        await publish.click()
        await expect(page.get_by_role("alert")).to_contain_text("It was not done")
        await expect(page.get_by_role("alert")).to_contain_text("/payload/request/parameters/width")
        await payload.fill(good)
        await publish.click()
        await expect(page.get_by_text("Answered after")).to_be_visible()


async def test_a_replica_is_paused_and_resumed(address: str, browser: Browser) -> None:
    """Now comes to know it by loading itself again."""
    async with plainly(browser, address) as visit:
        page = visit.page
        await visit.to("/")
        await page.get_by_role("link", name="hare").click(timeout=BY_ITSELF)
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#told")).to_contain_text("paused")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.locator("#told")).to_contain_text("serving")


async def test_letters_are_discarded_with_a_reason(address: str, browser: Browser) -> None:
    """Those that a filter found, and it stands in the history."""
    async with plainly(browser, address) as visit:
        page = visit.page
        await visit.to("/letters")
        await page.get_by_label("Body contains").fill("number 901")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.get_by_role("heading", name="1 letter")).to_be_visible(timeout=BY_ITSELF)
        await page.get_by_role("button", name="Discard…").click()
        await page.get_by_label("Why nobody needs them").fill("a stranger's")
        await page.get_by_role("button", name="Discard 1 letter").click()
        await expect(page.locator("#ending")).to_have_text("done", timeout=BY_ITSELF)
        await visit.to("/history")
        await expect(page.get_by_text("a stranger's")).to_be_visible()
