"""Looking at dead letters on a real broker: nothing is disturbed, and the queue is the truth."""

from __future__ import annotations

from typing import Any

import aio_pika
import pytest
from broker.letters import (
    DEAD,
    LONG_AGO,
    NAMES,
    WORK,
    Kind,
    bench,
    desk,
    held,
    id_of,
    letter,
    open_ids,
    post,
    prepare,
    task,
    write,
)
from waiting import until

from messages import ErrorCode
from topology.apply import broker_version
from workers.deadletters import Ambiguous, NoSuchLetter, Operator, Scanning, Selection, Workbench
from workers.link.supervisor import LinkError
from workers.publication import Publication


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


async def test_nothing_there_is_told_as_nothing(url: str) -> None:
    """An empty journal is no error."""
    listing = await bench(url).ls()
    assert (listing.letters, listing.matching, listing.standing.open) == ((), 0, 0)
    assert await bench(url).history() == ()


async def test_looking_takes_nothing_in_hand(url: str) -> None:
    """After any number of looks each letter is as it was: in order, and never delivered before."""
    ids = await write(url, 50)
    workbench = bench(url)
    for _ in range(3):
        await workbench.ls()
        await workbench.groups()
        await workbench.show(ids[7])
        await workbench.preview(Selection())
        assert not (await workbench.ls()).standing.scanned
    deliveries = await held(url)
    assert not any(delivery.redelivered for delivery in deliveries)
    assert await open_ids(url) == ids


async def test_letters_are_listed_newest_first_by_pages(url: str) -> None:
    """Pages hold each letter once, by number and by the last id."""
    ids = await write(url, 25)
    workbench = bench(url)
    first = await workbench.ls(limit=10)
    second = await workbench.ls(limit=10, page=2)
    after = await workbench.ls(limit=10, after=first.letters[-1].id)
    last = await workbench.ls(limit=10, page=3)
    assert after.letters == second.letters
    told = [one.id for page in (first, second, last) for one in page.letters]
    assert told == ids[::-1]
    assert (second.before, second.more, last.more) == (10, 5, 0)


async def test_filters_choose_letters(url: str) -> None:
    """Each filter alone chooses what it says."""
    await write(url, 6)
    other = Kind(ErrorCode.EXPIRED, "train", "x")
    odd = letter(task(7, "train", secret="Öl"), other, seconds=100)
    await post(url, [odd])
    workbench = bench(url)
    chosen: dict[str, Any] = {
        "error_code": "expired",
        "task_type": "train",
        "ids": (id_of(odd)[:8],),
        "contains": "Öl",
        "since": LONG_AGO.replace(minute=1),
        "fingerprint": str(odd.headers["leveret-fingerprint"])[:6],
    }
    for name, value in chosen.items():
        found = await workbench.ls(Selection(**{name: value}))
        assert [one.id for one in found.letters] == [id_of(odd)], name
    assert (await workbench.ls(Selection(agent="asker-1"))).matching == 3
    assert (await workbench.ls(Selection(until=LONG_AGO))).matching == 0


async def test_groups_count_each_kind_and_when_it_came(url: str) -> None:
    """A group knows its first and last letter and how many came when."""
    one = await write(url, 30)
    two = await write(url, 3, Kind(field="other"), start=100)
    large, small = (await bench(url).groups()).groups
    assert (large.count, small.count) == (30, 3)
    assert (large.example_id, small.example_id) == (one[-1], two[-1])
    assert large.first_seen == LONG_AGO.isoformat()
    assert sum(large.trend) == 30
    assert small.trend[-1] == 3


async def test_a_letter_is_shown_whole_and_its_offending_place_marked(url: str) -> None:
    """The missing field is marked where it should stand."""
    (letter_id,) = await write(url, 1)
    shown = await bench(url).show(letter_id[:8])
    assert shown.open
    assert shown.letter.diagnosis.errors[0].pointer == "/payload/request/parameters/text"
    (marked,) = (line for line in shown.body.lines if line.marks)
    assert '"text"' in marked.text
    assert shown.letter.properties.headers["tenant"] == "hare"
    with pytest.raises(NoSuchLetter):
        await bench(url).show("00000000")


async def test_the_beginning_of_two_ids_names_neither(url: str) -> None:
    """Nobody guesses which letter was meant."""
    one, two = letter(task(1)), letter(task(2))
    twins = [
        publication._replace(headers={**publication.headers, "leveret-id": f"twins-{n}"})
        for n, publication in enumerate((one, two))
    ]
    await post(url, twins)
    with pytest.raises(Ambiguous, match="twins-0, twins-1"):
        await bench(url).show("twins-")


async def test_what_another_tool_removed_is_noticed_noted_and_not_looked_for_again(
    url: str,
) -> None:
    """The queue is the truth; one look through it is enough."""
    ids = await write(url, 10)
    assert (await bench(url).ls()).standing.open == 10
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(DEAD, ensure=False)
        for _ in range(4):
            message = await queue.get()
            await message.ack()
    listing = await bench(url).ls()
    assert listing.standing.scanned
    assert [one.id for one in listing.letters] == ids[:3:-1]
    again = await bench(url).ls()
    assert again.letters == listing.letters
    assert not again.standing.scanned
    (deed,) = await bench(url).history()
    assert (deed.verb, deed.by, deed.who) == ("reconcile", "guest", "ada@console")
    assert (deed.verb, deed.gone, deed.found) == ("reconcile", 4, 0)


async def test_what_the_journal_never_saw_is_found_in_the_queue(url: str) -> None:
    """A letter that came past the journal is listed, and shown whole, by a look into the queue."""
    known = await write(url, 2)
    strange = letter(task(5), seconds=60)
    await post(url, [strange._replace(exchange="", routing_key=DEAD)])
    workbench = bench(url)
    await until(lambda: _lists(workbench, [id_of(strange), *known[::-1]]))
    assert not (await bench(url).ls()).standing.scanned
    assert (await bench(url).show(id_of(strange))).letter.body == strange.body


async def _lists(workbench: Workbench, ids: list[str]) -> bool:
    return [one.id for one in (await workbench.ls()).letters] == ids


async def test_a_viewer_may_look_without_ever_taking_letters_in_hand(url: str) -> None:
    """Where the queue differs and may not be looked through, that is said."""
    await write(url, 3)
    await post(url, [letter(task(5))._replace(exchange="", routing_key=DEAD)])
    listing = await bench(url).ls(scan=Scanning.NEVER)
    assert listing.matching == 3
    assert "the queue holds 4 letters and the journal says 3" in listing.standing.warning
    assert not any(delivery.redelivered for delivery in await held(url))


async def test_letters_the_broker_wrote_have_one_id_in_journal_and_queue(url: str) -> None:
    """What expires in a queue is listed as far as it is known, without a look into the queue."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(
            "waiting",
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-message-ttl": 1,
                "x-dead-letter-exchange": NAMES.dead,
                "x-dead-letter-routing-key": "default",
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        await post(url, [Publication("", "waiting", task(n), {"a": n}) for n in range(3)])
    workbench = bench(url)
    await until(lambda: _open(workbench, 3))
    listing = await workbench.ls()
    assert {one.error_code for one in listing.letters} == {"broker_rejected"}
    assert {one.agent for one in listing.letters} == {"asker-0", "asker-1", "asker-2"}
    assert sorted(one.id for one in listing.letters) == sorted(await open_ids(url))
    shown = await workbench.show(listing.letters[0].id)
    assert "expired in waiting" in shown.letter.diagnosis.reason
    assert shown.destination == WORK


async def _open(workbench: Workbench, count: int) -> bool:
    return (await workbench.ls(scan=Scanning.NEVER)).standing.open == count


@pytest.mark.parametrize("kind", ["classic", "quorum"])
async def test_another_programs_queue_is_shown_and_left_as_it_is(url: str, kind: str) -> None:
    """Letters that say nothing of themselves have ids that stay, and keep their order."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        # RabbitMQ 4 drops what was looked at too often, unless told not to.
        uncounted = kind == "quorum" and broker_version(connection) >= (4,)
        arguments = {"x-queue-type": kind} | ({"x-delivery-limit": -1} if uncounted else {})
        await channel.declare_queue("other.dlq", durable=True, arguments=arguments)
    bodies = [b"\x80\x04pickle", b"plain text", b'{"a": 1}']
    await post(url, [Publication("", "other.dlq", body, type="legacy") for body in bodies])
    workbench = Workbench(desk(url, named="other.dlq"), Operator())
    first = await workbench.ls()
    assert {one.message_type for one in first.letters} == {"legacy"}
    assert first.letters == (await workbench.ls()).letters
    assert first.standing.scanned
    shapes = [(await workbench.show(one.id)).body.form for one in first.letters]
    assert sorted(shapes) == ["bytes", "json", "text"]
    assert [delivery.body for delivery in await held(url, "other.dlq")] == bodies


async def test_another_programs_queue_that_counts_looks_is_left_alone_until_asked(url: str) -> None:
    """The broker drops there what was looked at too often; who asks is told how often."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": 20}
        await channel.declare_queue("other.dlq", durable=True, arguments=arguments)
    await post(url, [Publication("", "other.dlq", b"letter", type="legacy")])
    with pytest.raises(LinkError, match=r"20 deliveries.*add --scan"):
        await Workbench(desk(url, named="other.dlq"), Operator()).ls()
    asked = Workbench(desk(url, named="other.dlq", counted=True), Operator())
    listing = await asked.ls()
    assert len(listing.letters) == 1
    assert "allows 20 deliveries" in listing.standing.warning


async def test_an_export_tells_of_ids_that_no_open_letter_has(url: str) -> None:
    """Whoever mistyped one does not take what is written for all they asked for."""
    ids = await write(url, 2)
    written: list[str] = []
    unknown: list[str] = []
    count, _ = await bench(url).export(
        Selection(ids=(ids[0], "nobody")),
        lambda one: written.append(one.id),
        unknown=unknown.append,
    )
    assert (count, written, unknown) == (1, [ids[0]], ["nobody"])
