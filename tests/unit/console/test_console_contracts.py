"""Every contract has its page and an example that fits it; a misfit is not sent."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel
from unit.console.visiting import form, opened, token, visitor

from examples import registry as examples
from messages import Payload
from workers import Context, Registry
from workers.console.asking import TROUBLE
from workers.console.contracts import Contracts
from workers.publication import Published
from workers.settings import Settings

if TYPE_CHECKING:
    import httpx

HOSTILE = "<script>alert(1)</script>"


class Picky(BaseModel):
    """What one processor wants."""

    name: str
    count: int


def picky() -> Registry:
    """Return a registry with a task, and a payload of its own."""
    registry = Registry()

    @registry.task("pick", parameters=Picky, retries=2)
    async def pick(parameters: Picky, context: Context) -> None:
        """Pick some."""

    class Wish(Payload, type="wish"):
        """Something one wants."""

        text: str

    @registry.processor(Wish)
    async def grant(wish: Wish, context: Context) -> None:
        """Grant it."""

    return registry


async def test_every_contract_has_its_page() -> None:
    """Types that ship and those of the user's own package, each with schema and example."""
    async with visitor(opened(registry=picky())) as browser:
        first = await browser.get("/contracts")
        assert "Pick some." in first.text
        for one in Contracts(Settings(), picky()).all:
            page = await browser.get(one.address)
            assert page.status_code == 200
            assert html.escape(one.name) in page.text
            assert "JSON Schema" in page.text


@pytest.mark.parametrize("registry", [examples, picky()], ids=["examples", "own"])
def test_every_example_fits_its_own_contract(registry: Registry) -> None:
    """What the page offers to publish is a good message."""
    contracts = Contracts(Settings(), registry)
    for one in contracts.all:
        body = contracts.envelope(orjson.loads(one.example), one.message_type, agent_id="x")
        failure = contracts.foreseen(body)
        if one.processor:
            assert failure is None, (one.name, failure)
        else:
            # A whole message of a type that nothing here works on: that is all that is wrong.
            assert failure is not None
            assert failure.code.value in {"unknown_message_type", "unknown_task_type"}, one.name


async def test_a_misfit_is_told_field_by_field_and_not_sent() -> None:
    """With what was typed still there."""
    async with visitor(opened(registry=picky())) as browser:
        answer = await publish(browser, {"name": HOSTILE, "count": "many"})
    assert answer.status_code == 422
    assert "/payload/request/parameters/count" in answer.text
    assert HOSTILE not in answer.text
    assert html.escape(HOSTILE, quote=False).replace('"', "&#34;") in answer.text


async def test_lines_come_back_as_they_were_typed() -> None:
    """Browsers send their ends as two characters, of which none may show, or be sent on."""
    async with visitor(opened(registry=picky())) as browser:
        path = "/contracts/task_request/pick"
        sent = form(await browser.get(path), payload='{\r\n"x": 1\r\n}')
        answer = await browser.post(path, data=sent)
    assert ">{\n&#34;x&#34;: 1\n}</textarea>" in answer.text


@pytest.mark.parametrize(
    ("deep", "told"),
    [(300, "nested deeper than 64 levels"), (50_000, "nested too deep to be read")],
)
async def test_what_is_nested_too_deep_is_told(deep: int, told: str) -> None:
    """Also where it can be read, and not be written again."""
    async with visitor(opened(registry=picky())) as browser:
        path = "/contracts/task_request/pick"
        payload = '{"a":' * deep + "1" + "}" * deep
        answer = await browser.post(path, data=form(await browser.get(path), payload=payload))
    assert answer.status_code == 422
    assert told in answer.text


async def test_what_fits_and_finds_no_broker_says_so() -> None:
    """And keeps what was typed."""
    async with visitor(opened(registry=picky())) as browser:
        answer = await publish(browser, {"name": "x", "count": 1})
    assert answer.status_code == 503


def test_every_fate_of_a_message_has_its_words() -> None:
    """Also those that only a broken broker or an unusual message meets."""
    assert {Published.CONFIRMED, *TROUBLE} == set(Published)


async def publish(browser: httpx.AsyncClient, parameters: dict[str, Any]) -> httpx.Response:
    """Fill in the form of the task `pick` and send it."""
    path = "/contracts/task_request/pick"
    payload = {
        "message_type": "task_request",
        "request": {"task_type": "pick", "parameters": parameters},
    }
    sent = form(await browser.get(path), payload=orjson.dumps(payload).decode())
    return await browser.post(path, data=sent)


async def test_a_form_without_its_key_is_not_sent() -> None:
    """Nobody could tell a second sending of it from the first."""
    async with visitor(opened(registry=picky())) as browser:
        path = "/contracts/task_request/pick"
        sent = {"token": token(await browser.get(path)), "payload": "{}"}
        answer = await browser.post(path, data=sent)
    assert answer.status_code == 400
    assert "lacks its key" in answer.text
