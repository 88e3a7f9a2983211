"""The console over a real broker: two operators, double clicks, closed tabs lose nothing."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from broker.clicking import expect_open, over, people
from broker.worker import NAMES, PATIENCE, RUNGS, Asking, eventually, serving
from unit.console.visiting import form, seen, token

from examples import registry
from workers.link.ground import stand
from workers.publication import Publication
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


LETTERS = 20


@pytest.fixture
async def letters(amqp_url: str) -> AsyncIterator[str]:
    """Lend a broker with letters that nobody can replay as they are."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=PATIENCE)
    async with Asking(amqp_url) as asking, serving(amqp_url, registry, retry_delays=RUNGS):
        for _ in range(LETTERS):
            await asking.client.publish(Publication(NAMES.requests, "task_request", b"{}"))
        await eventually(lambda: sum(map(len, asking.letters.values())) == LETTERS)
        yield amqp_url


async def test_a_double_click_is_one_discard(letters: str) -> None:
    """However often a form is sent, what it meant is done once, and both clicks see it."""
    async with people(letters) as (_, browser, _other):
        page = await seen(browser, "/letters/discard")
        sent = form(page, why="useless")
        answers = await asyncio.gather(
            *(browser.post("/letters/discard", data=sent) for _ in range(4))
        )
        assert {answer.status_code for answer in answers} == {303}
        (address,) = {answer.headers["location"] for answer in answers}
        ended = await over(browser, address)
        assert 'id="ending">done<' in ended, ended[ended.index("<main") :]
        await expect_open(browser, 0)
        history = (await browser.get("/history")).text
        assert history.count("useless") == 1
        assert "otto" in history


async def test_two_operators_never_work_on_the_same_letters(letters: str) -> None:
    """The second is told, and nothing of theirs is done; letters go once."""
    async with people(letters) as (_, one, two):
        first, second = await seen(one, "/letters/discard"), await seen(two, "/letters/discard")
        answers = await asyncio.gather(
            one.post("/letters/discard", data=form(first, why="first")),
            two.post("/letters/discard", data=form(second, why="second")),
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([303, 409], [303, 303])
        for answer in answers:
            if answer.status_code == 303:
                await over(one, answer.headers["location"])
            else:
                assert "Nothing was done" in answer.text
        await expect_open(one, 0)
        done = re.findall(r'<td class="n count">(\d+)', (await one.get("/history")).text)
        assert sum(map(int, done)) == LETTERS


async def test_what_is_done_is_what_was_shown(letters: str) -> None:
    """Letters that come between the look and the click stay."""
    async with people(letters) as (_, browser, _other), Asking(letters) as asking:
        page = await seen(browser, "/letters/discard")
        await asking.client.publish(Publication(NAMES.requests, "task_request", b"{}"))
        await eventually(lambda: asking.letters)
        answer = await browser.post("/letters/discard", data=form(page, why="old ones"))
        await over(browser, answer.headers["location"])
        await expect_open(browser, 1)


async def test_a_plan_of_another_console_is_shown_anew(letters: str) -> None:
    """After a restart nothing is done on a yes to something this console never showed."""
    async with people(letters) as (_, browser, _other):
        page = await seen(browser, "/letters/discard")
        sent = form(page, why="x") | {"once": "from-before"}
        answer = await browser.post("/letters/discard", data=sent)
        assert answer.status_code == 409
        assert "too old" in answer.text
        await expect_open(browser, LETTERS)


async def test_a_discard_says_why_and_a_replay_must_have_a_chance(letters: str) -> None:
    """Both are asked for again, and nothing happens."""
    async with people(letters) as (_, browser, _other):
        page = await seen(browser, "/letters/discard")
        answer = await browser.post("/letters/discard", data=form(page))
        assert (answer.status_code, "Say why" in answer.text) == (422, True)
        page = await seen(browser, "/letters/replay")
        answer = await browser.post("/letters/replay", data=form(page))
        assert (answer.status_code, "would pass now" in answer.text) == (422, True)
        await expect_open(browser, LETTERS)


async def test_an_edit_that_does_not_fit_is_not_sent(letters: str) -> None:
    """It is told why; one that fits goes, and its letter closes."""
    async with people(letters) as (_, browser, _other):
        listed = (await seen(browser, "/letters")).text
        found = re.search(r'href="(/letters/[0-9a-f-]{36})\?', listed)
        assert found
        page = await seen(browser, f"{found[1]}/edit")
        answer = await browser.post(f"{found[1]}/edit", data=form(page, body='{"still": "wrong"}'))
        assert answer.status_code == 422
        assert "would fail again" in answer.text
        assert "still" in answer.text
        checked = await browser.post(
            f"{found[1]}/check", data={"token": token(page), "body": '{"x": 1}'}
        )
        assert "would fail again" in checked.text
        await expect_open(browser, LETTERS)
