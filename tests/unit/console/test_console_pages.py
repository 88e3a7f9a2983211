"""What pages show without a broker: broken and empty states, contracts, charts, pictures."""

from __future__ import annotations

import asyncio
import html
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel
from unit.console.visiting import USERS, browser_of, log_in, opened, token, visitor

from examples import registry as examples
from messages import Payload
from topology import Names, TopologySpec, design, parse_delays, plan
from topology.apply import Depth
from topology.design import GroupSpec
from topology.plan import Found
from topology.version import BrokerVersion
from workers import Context, Registry
from workers.console.charts import HEIGHT, spark
from workers.console.contracts import Contracts
from workers.console.feed import Feed
from workers.console.letters.text import editable, posted
from workers.console.live import MOST, Listeners, stream
from workers.console.now import now_of
from workers.console.picture import picture
from workers.console.view import UNKNOWN, ago, number, seconds, size, visible, when
from workers.settings import Settings
from workers.watching import Picture

if TYPE_CHECKING:
    import httpx

HOSTILE = "<script>alert(1)</script>"


# -- broken --


@pytest.mark.parametrize("path", ["/letters", "/history", "/letters/0123456789", "/letters/replay"])
async def test_a_broker_that_is_away_is_told_and_tried_again(path: str) -> None:
    """No traceback and no blank page: what happened, that nothing is lost, and another try."""
    async with visitor(opened()) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 503
    assert "Nothing is lost" in answer.text
    assert 'http-equiv="refresh"' in answer.text
    assert "guest:guest" not in answer.text


async def test_now_and_topology_say_that_the_broker_is_away() -> None:
    """They come back by themselves."""
    async with opened() as app, browser_of(app) as browser:
        page = await browser.get("/")
        async with asyncio.timeout(10):
            while "The broker is away" not in page.text:
                assert "Listening for heartbeats" in page.text
                await asyncio.sleep(0.02)
                page = await browser.get("/")
        topology = await browser.get("/topology")
    assert page.status_code == topology.status_code == 200
    assert "cannot be seen" in topology.text
    assert "guest:guest" not in page.text + topology.text


async def test_an_address_that_leads_nowhere_says_so() -> None:
    """In words, with a way back."""
    async with visitor(opened()) as browser:
        for path in ("/nowhere", "/contracts/nothing", "/runs/unknown", "/letters?group=nobody"):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert "Go to the console" in answer.text


@pytest.mark.parametrize("query", ["since=yesterday", "id=ab", "page=-1", "page=99999999999999"])
async def test_nonsense_in_an_address_is_no_error_of_ours(query: str) -> None:
    """It is refused in words, or means nothing."""
    async with visitor(opened()) as browser:
        assert (await browser.get(f"/letters?{query}")).status_code in {400, 503}


# -- contracts --


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


async def test_what_fits_and_finds_no_broker_says_so() -> None:
    """And keeps what was typed."""
    async with visitor(opened(registry=picky())) as browser:
        answer = await publish(browser, {"name": "x", "count": 1})
    assert answer.status_code == 503


async def publish(browser: httpx.AsyncClient, parameters: dict[str, Any]) -> httpx.Response:
    """Fill in the form of the task `pick` and send it."""
    path = "/contracts/task_request/pick"
    payload = {
        "message_type": "task_request",
        "request": {"task_type": "pick", "parameters": parameters},
    }
    form = {"token": token(await browser.get(path)), "payload": orjson.dumps(payload).decode()}
    return await browser.post(path, data=form)


# -- roles --


@pytest.mark.parametrize(
    "path",
    [
        "/letters/replay",
        "/letters/discard",
        "/letters/0123456789/edit",
        "/letters/0123456789/check",
    ],
)
async def test_a_viewer_can_begin_nothing(path: str) -> None:
    """Neither by the page nor past it."""
    async with visitor(opened(USERS)) as browser:
        await log_in(browser, "vera")
        form = {"token": token(await browser.get("/contracts")), "once": "x", "body": "{}"}
        assert (await browser.post(path, data=form)).status_code == 403
        if not path.endswith("check"):
            assert (await browser.get(path)).status_code == 403


async def test_what_changes_something_is_never_a_get() -> None:
    """Addresses of actions answer a GET with a page or not at all."""
    async with visitor(opened()) as browser:
        assert (await browser.get("/runs/x/stop")).status_code == 405
        assert (await browser.get("/logout")).status_code == 404


# -- live --


async def test_a_stream_tells_what_is_new_until_it_is_over() -> None:
    """Whoever comes gets the newest at once."""
    listeners, told = Listeners(), ["one\ntwo", "three"]
    answer = stream(listeners, "now", lambda: told.pop(0), lambda: not told)
    events = answer.body_iterator
    assert await anext(events) == "event: now\ndata: one\ndata: two\n\n"
    assert len(listeners) == 1
    listeners.wake()
    assert await anext(events) == "event: now\ndata: three\n\n"
    assert await anext(events) == "event: over\ndata: over\n\n"
    assert [one async for one in events] == []
    assert len(listeners) == 0


async def test_streams_are_bounded() -> None:
    """A hundred open pages are enough for anybody."""
    listeners = Listeners()
    streams = [stream(listeners, "now", lambda: "x").body_iterator for _ in range(MOST)]
    for one in streams:
        await anext(one)
    with pytest.raises(Exception, match="Too many pages"):
        await anext(stream(listeners, "now", lambda: "x").body_iterator)
    for one in streams:
        await one.aclose()
    assert len(listeners) == 0


def test_now_shows_what_was_seen() -> None:
    """A dead-letter queue leads to its letters; a work queue without workers is told."""
    feed = Feed(Settings())
    queues = {"leveret.dead.default": Depth(3, 0), "leveret.work.default": Depth(2, 0)}
    feed.picture = Picture((), queues, 3, {}, {}, 0.004, None, ())
    now = now_of(feed, Names(), clock=1.0)
    assert [(one.name, one.state, one.letters_of) for one in now.queues] == [
        ("leveret.work.default", "nobody takes from it", ""),
        ("leveret.dead.default", "open letters", "default"),
    ]
    assert [one.value for one in now.figures if one.name == "Dead letters"] == ["3"]


# -- drawing --


def test_a_chart_stays_in_its_box() -> None:
    """Gaps are gaps, and nothing known is nothing drawn."""
    drawn = spark([0, None, 5.0, 10.0], 8)
    assert drawn.line.count("M") == 2
    assert drawn.x == drawn.width - 2
    assert 0 < drawn.y < HEIGHT
    assert spark([]).empty
    assert spark([None, None]).empty
    assert "nan" not in spark([0.0, 0.0]).line


def test_the_picture_shows_every_box_and_what_is_missing() -> None:
    """Nothing of the topology is left out, and drift is told by state."""
    spec = TopologySpec(
        prefix="leveret",
        groups=(GroupSpec(name="default"), GroupSpec(name="images", bindings=("resize_image",))),
        retry_delays=parse_delays("1s"),
        broker_version=BrokerVersion(3, 10, 8),
    )
    wanted = design(spec)
    drawn = picture(wanted, plan(wanted, Found()), {"leveret.dead.images": (7, 0)})
    assert {box.name for box in drawn.boxes} == {one.name for one in wanted.declarations}
    assert {box.state for box in drawn.boxes} == {"missing"}
    assert [box.depth for box in drawn.boxes if box.name == "leveret.dead.images"] == [7]
    assert all(box.y + 38 <= drawn.height for box in drawn.boxes)
    assert len(drawn.lines) == len({(one.source, one.destination) for one in wanted.bindings})
    unseen = picture(wanted, None, {})
    assert {box.state for box in unseen.boxes} == {"unseen"}


# -- text --


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            b'{"a":[1,2.50],"b":{},"c":[ ]}',
            '{\n  "a": [\n    1,\n    2.50\n  ],\n  "b": {},\n  "c": []\n}',
        ),
        (b'{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}'),
        (rb'{"a":"\"{[,:"}', '{\n  "a": "\\"{[,:"\n}'),
        (b"{\n1", "{\n1"),
        (b"no json", "no json"),
        (b"", ""),
        (b"\xff", None),
    ],
)
def test_a_body_is_indented_without_being_changed(body: bytes, text: str | None) -> None:
    """Numbers, order and keys that stand twice stay; what is no JSON stays whole."""
    assert editable(body) == text


def test_line_ends_of_forms_are_lines() -> None:
    """Browsers send CR and LF; half of a surrogate pair is no reason to fail."""
    assert posted("{\r\n}") == b"{\n}"
    assert posted("\ud800") == b"?"


def test_texts_of_strangers_hide_nothing() -> None:
    """Characters that turn a line around, or are not there, are spelled out."""
    assert visible("a\u202eb\u200b\x1b[0m") == "a\\u202eb\\u200b\\x1b[0m"
    assert visible("tabs\tand\nlines") == "tabs\tand\nlines"


def test_figures_read_well() -> None:
    """Numbers, durations, sizes and times as people say them."""
    assert [number(one) for one in (None, 0, 12345.0, 0.021, 3.44, 123.4)] == [
        *(UNKNOWN, "0", "12,345", "0.02", "3.4", "123"),
    ]
    assert [seconds(one) for one in (None, 0.0042, 1.5, 90.0, 7200.0, 172_800.0)] == [
        *(UNKNOWN, "4.2 ms", "1.5 s", "1.5 min", "2 h", "2 d"),
    ]
    assert [size(one) for one in (512, 1536, 2**20)] == ["512 B", "1.5 KiB", "1 MiB"]
    assert when("2026-03-01T12:00:05.5+00:00") == "2026-03-01 12:00:05"
    assert when("nonsense") == when(None) == ago(None) == "unknown"
