"""One letter mended and sent; others discarded, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from broker.letters import WORK, bench, held, open_ids, prepare, write
from broker.replaying import processors

from workers import headers
from workers.deadletters import Ending, NoSuchLetter, Selection, changed

if TYPE_CHECKING:
    from workers import Registry


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


@pytest.fixture
def registry() -> Registry:
    """Return processors: one that works, one that says no, one that fails for a while."""
    return processors()


async def test_an_edited_letter_is_sent_as_it_was_edited_and_linked(
    url: str, registry: Registry
) -> None:
    """The new body is judged before, and the original stays in the journal."""
    (letter_id, other) = await write(url, 2)
    workbench = bench(url, registry)
    shown = await workbench.show(letter_id)
    bad = changed(shown.editable, (("/payload/request/parameters/width", "wide"),))
    good = changed(shown.editable, (("/payload/request/parameters/width", 640),))
    foreseen = await workbench.preview_edit(letter_id, bad)
    assert foreseen is not None
    assert not foreseen.passes
    assert foreseen.errors[0].pointer == "/payload/request/parameters/width"
    assert (await workbench.preview_edit(letter_id, good)).passes  # type: ignore[union-attr]
    over = await (await workbench.edit(letter_id, good, why="typo")).result()
    assert over.done == 1
    (sent,) = await held(url, WORK)
    assert sent.body == good
    assert sent.properties.headers[headers.REPLAY_OF] == letter_id
    assert await open_ids(url) == [other]
    shown = await workbench.show(letter_id)
    assert not shown.open
    assert [deed.verb for deed in shown.deeds] == ["edit"]
    (change,) = shown.deeds[0].changes
    assert change.told == "/payload/request/parameters/width added: 640"
    (edited,) = await workbench.history(letter_id)
    assert edited.changes == (change,)
    with pytest.raises(NoSuchLetter):
        await workbench.edit(letter_id, good)


async def test_discarded_letters_are_gone_and_the_history_says_why(url: str) -> None:
    """Only those that were meant; the journal still has them."""
    ids = await write(url, 10)
    workbench = bench(url)
    meant = await workbench.meant(Selection(ids=(ids[0], ids[9])))
    over = await workbench.discard(meant, why="nobody waits").result()
    assert (over.done, over.ending) == (2, Ending.DONE)
    assert await open_ids(url) == ids[1:9]
    (deed,) = await workbench.history()
    assert (deed.verb, deed.why, deed.done) == ("discard", "nobody waits", 2)
    assert (await workbench.show(ids[9])).letter.id == ids[9]
