"""A bench whose line to the journal stays open between looks, as a console's does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aio_pika
import pytest
from broker.letters import NAMES, bench, open_ids, prepare, write
from broker.vhost import Vhost
from waiting import until

from workers.deadletters import Selection, Workbench
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Seconds for which the line stays.
KEEP = 60.0


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


@pytest.fixture
async def kept(url: str) -> AsyncIterator[Workbench]:
    """Lend a bench that keeps its line."""
    workbench = bench(url, keep=KEEP)
    yield workbench
    await workbench.close()


async def _lines(vhost: Vhost) -> list[dict[str, Any]]:
    """Return the lines to the journal that the broker knows of."""
    told = await vhost._ask("GET", f"/api/vhosts/{quote(vhost.name, safe='')}/connections")
    return [
        one
        for one in told
        if one.get("client_properties", {}).get("connection_name") == "leveret journal"
    ]


async def test_one_line_serves_all_looks_and_each_is_up_to_date(
    kept: Workbench, url: str, management_url: str
) -> None:
    """What came since the last look, and what was done, is seen by the next."""
    vhost = Vhost(url, management_url)
    ids = await write(url, 5)
    assert (await kept.ls()).matching == 5
    more = await write(url, 3, start=10)
    assert [one.id for one in (await kept.ls(limit=3)).letters] == more[::-1]
    over = await kept.discard(await kept.meant(Selection(ids=(ids[0],))), why="old").result()
    assert over.done == 1
    assert (await kept.ls()).matching == 7
    assert [deed.why for deed in await kept.history()] == ["old"]
    assert (await kept.show(ids[1])).open
    assert not (await kept.show(ids[0])).open
    await until(lambda: _count(vhost, 1))


async def _count(vhost: Vhost, wanted: int) -> bool:
    return len(await _lines(vhost)) == wanted


async def test_a_line_that_is_cut_is_made_anew(
    kept: Workbench, url: str, management_url: str
) -> None:
    """Whoever looks next sees no difference."""
    vhost = Vhost(url, management_url)
    await write(url, 2)
    assert (await kept.ls()).matching == 2
    await until(lambda: _count(vhost, 1))
    (line,) = await _lines(vhost)
    await vhost._ask("DELETE", f"/api/connections/{quote(line['name'], safe='')}")
    await until(lambda: _count(vhost, 0))
    await write(url, 1, start=5)
    assert (await kept.ls()).matching == 3


async def test_a_line_goes_when_nobody_looked_for_a_while(url: str) -> None:
    """And comes back with the next look, which reads on where the last one ended."""
    workbench = bench(url, keep=0.1)
    line = workbench._looker._line
    await write(url, 2)
    assert (await workbench.ls()).matching == 2
    kept = line._journal
    assert kept is not None

    async def hung_up() -> bool:
        return line._journal is None and not kept.is_open

    await until(hung_up)
    await write(url, 1, start=5)
    assert (await workbench.ls()).matching == 3
    await workbench.close()


async def test_a_journal_that_was_made_anew_is_read_anew(kept: Workbench, url: str) -> None:
    """The letters are in the queue still, and the new journal learns of them."""
    ids = await write(url, 3)
    assert (await kept.ls()).matching == 3
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(NAMES.journal)
    await stand(Settings(amqp_url=url), patience=15)
    more = await write(url, 1, start=20)
    assert {one.id for one in (await kept.ls()).letters} == {*ids, *more}
    assert (await kept.show(ids[0])).open


async def test_many_look_at_once_through_one_line(kept: Workbench, url: str) -> None:
    """Lists, groups, single letters and whole histories side by side."""
    ids = await write(url, 30)
    both = kept.for_person("eve")
    looks = [
        *(one.overview(Selection(contains="number 7")) for one in (kept, both)),
        *(one.show(ids[n]) for n, one in enumerate((kept, both, kept, both))),
        kept.history(),
        both.preview(Selection()),
    ]
    found = await asyncio.gather(*looks)
    assert [one.listing.matching for one in found[:2]] == [1, 1]
    assert [one.letter.id for one in found[2:6]] == ids[:4]
    assert found[7].meant.count == 30
    assert await open_ids(url) == ids


async def test_a_bench_for_once_leaves_no_line_behind(
    kept: Workbench, url: str, management_url: str
) -> None:
    """As the command line has it: once the broker knows of a later line, it knows of that alone."""
    vhost = Vhost(url, management_url)
    await write(url, 1)
    assert (await bench(url).show((await bench(url).ls()).letters[0].id)).open
    await kept.ls()
    await until(lambda: _count(vhost, 1))
