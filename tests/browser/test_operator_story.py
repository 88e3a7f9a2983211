"""An operator's whole story, as it happens on the day of a bad deploy, in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from broker.worker import PATIENCE, RUNGS, Asking, eventually, serving
from browser.conftest import PHONE, console_at, visiting
from playwright.async_api import expect
from pydantic import BaseModel

from workers import Context, Registry, Reject
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from browser.conftest import Visit
    from playwright.async_api import Browser

#: Letters of each kind, 500 in all.
RESIZE: Final = 250
WIDE: Final = 10
THUMBNAIL: Final = 100
CHARGE: Final = 150


class Resize(BaseModel):
    """What senders send."""

    width: int


class ResizeRenamed(BaseModel):
    """What the bad deploy expects."""

    width_px: int


def bad() -> Registry:
    """Return the bad deploy: a renamed field, a forgotten task, a table without countries."""
    registry = Registry()

    @registry.task("resize", parameters=ResizeRenamed)
    async def resize(parameters: ResizeRenamed, context: Context) -> None:
        """Make a picture smaller."""

    _charging(registry)
    return registry


def fixed() -> Registry:
    """Return the fix, which forgot about the table."""
    registry = Registry()

    @registry.task("resize", parameters=Resize)
    async def resize(parameters: Resize, context: Context) -> None:
        """Make a picture smaller."""

    @registry.task("thumbnail", parameters=Resize)
    async def thumbnail(parameters: Resize, context: Context) -> None:
        """Make a picture very small."""

    _charging(registry)
    return registry


def _charging(registry: Registry) -> None:
    @registry.task("charge", parameters=Resize)
    async def charge(parameters: Resize, context: Context) -> None:
        """Ask for money."""
        raise Reject("the tax table has no countries")


def messages() -> list[tuple[str, dict[str, Any]]]:
    """Return what senders sent on that day."""
    good = [("resize", {"width": 100})] * (RESIZE - WIDE)
    return [
        *good,
        *[("resize", {"width": "wide"})] * WIDE,
        *[("thumbnail", {"width": 10})] * THUMBNAIL,
        *[("charge", {"width": 1})] * CHARGE,
    ]


async def test_the_day_of_a_bad_deploy(amqp_url: str, browser: Browser, pictures: Path) -> None:
    """Look, fix, canary, ramp; one kind halts; edit one, discard the rest; all of it accounted."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=PATIENCE)
    async with Asking(amqp_url) as asking:
        async with serving(amqp_url, bad(), retry_delays=RUNGS):
            for task, parameters in messages():
                await asking.publish(asking.task(task, parameters=parameters))
            await eventually(lambda: len(asking.letters) == 500)
            async with (
                console_at(amqp_url, bad()) as address,
                visiting(browser, address) as visit,
            ):
                await _looks(visit, pictures)
        # The fix is deployed: workers and console know better now.
        async with (
            serving(amqp_url, fixed(), retry_delays=RUNGS),
            console_at(amqp_url, fixed()) as address,
            visiting(browser, address) as visit,
        ):
            await _replays(visit, pictures)
            await _takes_some_along(visit, pictures)
            await _edits_one(visit, pictures)
            await _discards_the_rest(visit)
            await _reads_the_history(visit, pictures)
        ended = Counter(
            "answered" if b"task_response" in one.body else "error"
            for told in asking.answers.values()
            for one in told
        )
    assert ended["answered"] == RESIZE - WIDE + THUMBNAIL + 1  # the one that was edited


async def _looks(visit: Visit, pictures: Path) -> None:
    page = visit.page
    await visit.to("/letters")
    await expect(page.get_by_text("500 letters open")).to_be_visible()
    await expect(page.get_by_role("heading", name="3 kinds of failure")).to_be_visible()
    await page.screenshot(path=pictures / "letters.png")
    # Filters apply by themselves, and the address says what is seen.
    await page.get_by_label("Task type").select_option("charge")
    await expect(page.get_by_role("heading", name="150 letters")).to_be_visible()
    await expect(page).to_have_url(re.compile("task=charge"))
    await visit.to("/letters?task=resize")
    await page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
    await expect(page.get_by_text("It would fail again")).to_be_visible()
    await expect(page.locator("pre mark").first).to_be_visible()
    await page.screenshot(path=pictures / "letter.png")


async def _replays(visit: Visit, pictures: Path) -> None:
    page = visit.page
    await visit.to("/letters")
    await page.get_by_role("button", name="Replay…").click()
    await expect(page.get_by_role("heading", name="Replay 500 letters?")).to_be_visible()
    await expect(page.get_by_text("nothing has been done yet")).to_be_visible()
    await expect(
        page.get_by_text(re.compile("10.*would fail again", re.DOTALL)).first
    ).to_be_visible()
    await page.screenshot(path=pictures / "replay.png")
    await page.get_by_label("Why").fill("the renamed field is back")
    await page.get_by_label("Messages a second").fill("60")
    # A double click is one replay.
    await page.get_by_role("button", name="Replay 490 letters").dblclick()
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    await expect(page.get_by_role("heading", name="The rest follows")).to_be_visible(timeout=20_000)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("#paused")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator("#paused")).to_be_hidden()
    await page.screenshot(path=pictures / "run.png")
    await expect(page.locator("#ending")).to_have_text("halted", timeout=40_000)
    await expect(page.get_by_text("the tax table has no countries").first).to_be_visible()
    await visit.to("/")
    figure = page.locator(".figure", has_text="Dead letters").locator(".value")
    await expect(figure).to_contain_text(str(CHARGE + WIDE), timeout=PATIENCE * 1000)
    await page.screenshot(path=pictures / "now.png")
    # What came back later than the canary may still be on its way.
    async with asyncio.timeout(PATIENCE):
        await visit.to("/letters")
        while not await page.get_by_text(f"{CHARGE + WIDE} letters open").is_visible():
            await visit.to("/letters")


async def _takes_some_along(visit: Visit, pictures: Path) -> None:
    page = visit.page
    await visit.to("/letters?task=charge")
    await page.get_by_role("button", name="Export…").click()
    await expect(page.get_by_role("heading", name=f"Export {CHARGE} letters")).to_be_visible()
    await page.screenshot(path=pictures / "export.png")
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Download JSONL").click()
    file = await (await saving.value).path()
    assert len(file.read_bytes().splitlines()) == CHARGE


async def _edits_one(visit: Visit, pictures: Path) -> None:
    page = visit.page
    await visit.to("/letters?task=resize")
    await expect(page.get_by_role("heading", name="10 letters")).to_be_visible()
    await page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
    await page.get_by_role("link", name="Edit…").click()
    text = page.get_by_label("The body of the message")
    await expect(page.locator("#verdict")).to_contain_text("would fail again")
    await text.fill((await text.input_value()).replace('"wide"', "100"))
    # The verdict comes while one types.
    await expect(page.locator("#verdict")).to_contain_text("It would pass now")
    await page.screenshot(path=pictures / "edit.png")
    await page.get_by_label("Why").fill("a typo of the shop's")
    await page.get_by_role("button", name="Send the edited message").click()
    await expect(page.locator("#ending")).to_have_text("done", timeout=20_000)


async def _discards_the_rest(visit: Visit) -> None:
    page = visit.page
    await visit.to("/letters")
    await page.get_by_role("button", name="Discard…").click()
    await expect(page.get_by_role("heading", name="Discard 159 letters?")).to_be_visible()
    await page.get_by_label("Why nobody needs them").fill("charged by hand")
    await page.get_by_role("button", name="Discard 159 letters").click()
    await expect(page.locator("#ending")).to_have_text("done", timeout=20_000)
    await visit.to("/letters")
    await expect(page.get_by_text("No dead letters")).to_be_visible()


async def _reads_the_history(visit: Visit, pictures: Path) -> None:
    page = visit.page
    await visit.to("/history")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(3)
    for row, (verb, count, why) in enumerate(
        (
            ("discard", "159", "charged by hand"),
            ("edit", "1", "a typo of the shop's"),
            # The canary of the kind that came back went too, and is a letter again.
            ("replay", f"{RESIZE - WIDE + THUMBNAIL + 1}", "the renamed field is back"),
        )
    ):
        for text in (verb, count, why, "local"):
            await expect(rows.nth(row)).to_contain_text(text)
    await page.screenshot(path=pictures / "history.png")
    await page.set_viewport_size(PHONE)
    await page.screenshot(path=pictures / "history-phone.png")
