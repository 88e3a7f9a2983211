"""A hundred thousand dead letters: looked at and acted on in seconds, the others left in order."""

from __future__ import annotations

import time

from broker.letters import Kind, bench, id_of, letter, open_ids, post, prepare, task

from messages import ErrorCode
from workers.deadletters import Ending, Selection

MANY = 100_000
#: Of these every hundredth is of another kind.
FEW = 1_000
#: Seconds on a busy machine of two cores; alone it takes a third.
SOON = 60.0


async def test_a_hundred_thousand_letters_are_no_trouble(amqp_url: str) -> None:
    """The first look reads them all, the next reads nothing, and an action leaves the others."""
    await prepare(amqp_url)
    common = letter(task(0))
    rare = letter(task(1, "train"), Kind(ErrorCode.REJECTED, "train"))

    def made(number: int) -> object:
        one = rare if number % 100 == 99 else common
        return one._replace(headers={**one.headers, "leveret-id": f"{number:08d}"})

    await post(amqp_url, map(made, range(MANY)))  # type: ignore[arg-type] # publications
    workbench = bench(amqp_url)

    began = time.monotonic()
    listing = await workbench.ls(limit=50)
    first = time.monotonic() - began
    assert (listing.matching, listing.standing.scanned) == (MANY, False)
    assert len(listing.letters) == 50
    assert first < SOON

    began = time.monotonic()
    large, small = (await workbench.groups()).groups
    assert (large.count, small.count) == (MANY - FEW, FEW)
    assert (await workbench.show("00054321")).letter.body == common.body
    assert time.monotonic() - began < SOON / 4

    began = time.monotonic()
    meant = await workbench.meant(Selection(fingerprint=small.fingerprint))
    over = await workbench.discard(meant, why="nobody trains any more").result()
    assert (over.done, over.ending) == (FEW, Ending.DONE)
    assert time.monotonic() - began < SOON
    left = await open_ids(amqp_url)
    assert left == [f"{number:08d}" for number in range(MANY) if number % 100 != 99]
    assert id_of(rare) not in left
