"""What pages of letters say, and what their forms take, over a real broker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from broker.clicking import expect_open, over, people
from broker.letters import Kind, bench, letter, post, prepare, write
from broker.replaying import processors
from broker.worker import serving
from unit.console.visiting import form, seen

from messages import ErrorCode
from workers.deadletters import Selection

if TYPE_CHECKING:
    import httpx


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with letters."""
    await prepare(amqp_url)
    await write(amqp_url, 6)
    return amqp_url


@pytest.mark.parametrize("rate", ["-5", "nan", "inf", "", "many"])
async def test_a_rate_that_means_nothing_replays_nothing(url: str, rate: str) -> None:
    """It is asked for again, with what the command line takes too; 0 is no limit in both."""
    async with serving(url, processors()), people(url) as (_, browser, _other):
        page = await seen(browser, "/letters/replay")
        refused = await browser.post("/letters/replay", data=form(page, rate=rate, all="on"))
        assert refused.status_code == 422
        assert "Give 0 (no limit)" in refused.text
        await expect_open(browser, 6)
        taken = await browser.post("/letters/replay", data=form(refused, rate="0", all="on"))
        assert "6 of 6 letters replayed" in await over(browser, taken.headers["location"])


async def test_a_letter_leads_to_its_own_history(url: str) -> None:
    """Also where one action closed many; the empty list says no more than that."""
    ids = [one.id for one in (await bench(url).ls(Selection())).letters]
    async with people(url) as (_, browser, _other):
        for chosen, why in ((ids[:1], "a first one"), (ids[1:], "all the others")):
            query = "&".join(f"id={one}" for one in chosen)
            page = await seen(browser, f"/letters/discard?{query}")
            done = await browser.post(f"/letters/discard?{query}", data=form(page, why=why))
            await over(browser, done.headers["location"])
        await expect_open(browser, 0)
        for one in ids:
            shown = await seen(browser, f"/letters/{one}")
            assert f'href="/history?group=default&amp;id={one}"' in shown.text
            own = (await seen(browser, f"/history?id={one}")).text
            assert ("a first one" in own, "all the others" in own) == (one == ids[0], one != ids[0])
        empty = (await seen(browser, "/letters")).text
        assert "No letter of <code>default</code> is open now" in empty
        assert "answered" not in empty
        history = (await seen(browser, "/history")).text
        assert f"<summary>5 chosen letters: {ids[1][:8]}, " in history


async def test_two_kinds_with_one_code_are_called_differently(url: str) -> None:
    """Whoever hears the links instead of seeing their rows can tell them apart."""
    await write(url, 6, Kind(field="width"))
    async with people(url) as (_, browser, _other):
        await expect_open(browser, 12)
        page = (await seen(browser, "/letters")).text
    for verb in ("Replay", "Discard"):
        names = re.findall(rf'{verb}…<span class="unseen"> the 6 with (.*?)</span>', page)
        assert len(set(names)) == 2, names


async def test_a_body_that_is_no_text_is_not_offered_for_editing(url: str) -> None:
    """The page says who can; a header that is too long to be shown whole says that it is cut."""
    async with people(url) as (_, browser, _other):
        await post(url, [letter(b"\xff\xfe\x00", Kind(ErrorCode.INVALID_JSON, field="x" * 400))])
        await expect_open(browser, 7)
        binary = await _letter(browser, url, "invalid_json")
        assert "Edit…" not in binary
        assert "leveret dlq edit" in binary
        assert "… (cut: " in binary
        assert "Edit…" in await _letter(browser, url, "invalid_payload")


async def _letter(browser: httpx.AsyncClient, url: str, code: str) -> str:
    found = await bench(url).ls(Selection(error_code=code))
    return (await seen(browser, f"/letters/{found.letters[0].id}")).text
