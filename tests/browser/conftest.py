"""A real Chromium, where this machine has one; a broker, a worker and a console for it to visit."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from workers.console.serve import opened
from workers.probes.web import Server
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator, Page

    from workers.registry import Registry

CHROMIUM: Final = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
#: Where the pictures of the documentation go when they are made anew: SCREENSHOTS=docs/images.
SCREENSHOTS: Final = os.environ.get("SCREENSHOTS")
LAPTOP: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Lend a headless Chromium; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; `make testbed` installs one")
    playwright = pytest.importorskip("playwright.async_api")
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(
            executable_path=CHROMIUM,
            # Chromium's own sandbox wants a user that is not root.
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        yield chromium
        await chromium.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return where screenshots go."""
    place = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path
    place.mkdir(parents=True, exist_ok=True)
    return place


@dataclass(slots=True)
class Visit:
    """A page in a browser, and what its console complained about."""

    page: Page
    address: str
    complaints: list[str]

    async def to(self, path: str) -> None:
        """Go to a page of the console."""
        answer = await self.page.goto(self.address + path)
        assert answer is not None
        assert answer.ok, f"{path} answered {answer.status}"


async def expect_seen(what: Locator) -> None:
    """See that it is in view, or comes into it; fails after Playwright's patience."""
    await what.wait_for()


@asynccontextmanager
async def visiting(browser: Browser, address: str, **context: object) -> AsyncIterator[Visit]:
    """Lend a page; at the end nothing may have been complained about."""
    async with await browser.new_context(**{"viewport": LAPTOP, **context}) as ours:
        page = await ours.new_page()
        visit = Visit(page, address, [])
        page.on(
            "console",
            lambda said: visit.complaints.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        yield visit
        assert visit.complaints == []


@asynccontextmanager
async def console_at(
    url: str, registry: Registry, *, port: int = 0, **settings: object
) -> AsyncIterator[str]:
    """Lend the address of a console that serves."""
    chosen = Settings(amqp_url=url, **settings)
    async with (
        opened(chosen, registry, host="127.0.0.1") as app,
        Server(app, host="127.0.0.1", port=port) as server,
    ):
        yield f"http://127.0.0.1:{server.port}"
