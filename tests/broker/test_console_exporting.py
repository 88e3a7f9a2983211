"""Letters to take along: by operators only, by a form, masked as they are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson
import pytest
from broker.clicking import people
from broker.letters import Kind, prepare, write
from unit.console.visiting import USERS, browser_of, log_in, opened, seen, token

from messages import ErrorCode

if TYPE_CHECKING:
    import httpx

LETTERS = 130


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with letters of two kinds."""
    await prepare(amqp_url)
    await write(amqp_url, LETTERS)
    await write(amqp_url, 4, Kind(ErrorCode.REJECTED, "reject"), start=900)
    return amqp_url


async def _download(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    page = await seen(browser, path)
    return await browser.post(path, data={"token": token(page), **fields})


async def test_all_that_fit_are_written_a_line_each(url: str) -> None:
    """More than a handful, whole, as a file that a browser saves and never shows."""
    async with people(url) as (_, browser, _other):
        page = await seen(browser, "/letters/export?code=invalid_payload")
        assert f"Export {LETTERS} letters" in page.text
        answer = await _download(browser, "/letters/export?code=invalid_payload", form="jsonl")
    rows = [orjson.loads(line) for line in answer.text.splitlines()]
    assert len({row["id"] for row in rows}) == LETTERS
    assert {row["error_code"] for row in rows} == {"invalid_payload"}
    assert "number 7" in "".join(row["body"] for row in rows)
    disposition = answer.headers["content-disposition"]
    assert re.fullmatch(
        r'attachment; filename="dead-letters-default-\d{8}T\d{6}Z.jsonl"', disposition
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/x-ndjson"


async def test_a_few_are_written_as_a_failing_test(url: str) -> None:
    """The newest, as many as were asked for, and valid Python."""
    async with people(url) as (_, browser, _other):
        path = "/letters/export?code=rejected"
        assert "real processors, with all that they do" in (await seen(browser, path)).text
        answer = await _download(browser, path, form="pytest", most="3")
        capped = await _download(browser, path, form="pytest", most="99999")
    compile(answer.text, "test_dead_letters.py", "exec")
    assert answer.text.count("pytest.param(") == 3
    assert capped.status_code == 422
    assert "from 1 to 100" in capped.text
    assert 'filename="test_dead_letters.py"' in answer.headers["content-disposition"]


async def test_what_is_masked_on_pages_is_masked_in_files(url: str) -> None:
    """Nobody downloads what nobody may see."""
    mask = ("/payload/request/parameters/text",)
    async with people(url, mask=mask) as (_, browser, _other):
        page = await seen(browser, "/letters/export?task=reject")
        assert "Secrets are written as" in page.text
        lines = await _download(browser, "/letters/export?task=reject", form="jsonl")
        test = await _download(browser, "/letters/export?task=reject", form="pytest")
    for answer in (lines, test):
        assert "number 9" not in answer.text
    assert "\u2022\u2022\u2022\u2022" in orjson.loads(lines.text.splitlines()[0])["body"]


async def test_a_viewer_takes_nothing_along(url: str) -> None:
    """Neither by the page nor by its form, nor without a token."""
    async with opened(USERS, amqp_url=url) as app, browser_of(app) as vera, browser_of(app) as otto:
        await log_in(vera, "vera")
        await log_in(otto, "otto")
        listed = await seen(vera, "/letters")
        assert "Export" not in listed.text
        assert (await seen(vera, "/letters/export")).status_code == 403
        stolen = {"token": token(listed), "form": "jsonl"}
        assert (await vera.post("/letters/export", data=stolen)).status_code == 403
        assert (await otto.post("/letters/export", data={"form": "jsonl"})).status_code == 403


async def test_nothing_to_take_along_is_said(url: str) -> None:
    """Before and after the click."""
    async with people(url) as (_, browser, _other):
        page = await seen(browser, "/letters/export?task=nothing")
        assert "No open letter is meant" in page.text
        sent = {"token": token(page), "form": "jsonl"}
        assert (await browser.post("/letters/export?task=nothing", data=sent)).text == ""
