"""What an edit changed, as the history tells it: bounded, and with nothing that is to be hidden."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import orjson

from topology import Names
from workers.deadletters import MASK, Desk, Masking, Verb
from workers.deadletters.changes import (
    FURTHER,
    LONGEST,
    MOST_CHANGES,
    Change,
    changes,
    hidden,
    read_changes,
)
from workers.deadletters.deeds import with_note
from workers.deadletters.notes import Action, began, read_note
from workers.outcome import Delivery, Properties

NAMES = Names()
OPEN = Masking()
SECRET = Masking(("/payload/cards/*/number",))


def _changes(before: object, after: object, masking: Masking = OPEN) -> list[str]:
    found = changes(orjson.dumps(before), orjson.dumps(after), masking)
    return [one.told for one in found]


def test_each_place_that_differs_is_told_with_what_stood_there() -> None:
    """Changed, added and removed, in objects and lists; `true` is not 1."""
    before = {"a": 1, "b": {"c~/": [1, 2]}, "d": True, "gone": None, "same": {}}
    after = {"a": 2, "b": {"c~/": [1, 3, 4]}, "d": 1, "same": {}, "new": {"x": "y"}}
    assert _changes(before, after) == [
        "/a: 1 → 2",
        "/b/c~0~1/1: 2 → 3",
        "/b/c~0~1/2 added: 4",
        "/d: true → 1",
        "/gone removed: null",
        '/new added: {"x":"y"}',
    ]


def test_a_hidden_value_changes_without_being_told() -> None:
    """Nor is an object told that holds one; its neighbours are."""
    before = {"payload": {"cards": [{"number": "4000", "name": "x"}]}}
    after = {"payload": {"cards": [{"number": "5000", "name": "y"}, {"number": "6000"}]}}
    assert _changes(before, after, SECRET) == [
        f"/payload/cards/0/number: {MASK} → {MASK}",
        '/payload/cards/0/name: "x" → "y"',
        f"/payload/cards/1 added: {MASK}",
    ]
    assert changes(b"{number: 4000", b"{number: 5000", SECRET) == (Change("", MASK, MASK),)


def test_whoever_may_see_less_is_told_less() -> None:
    """An edit by somebody with nothing to hide is hidden when it is looked at."""
    told = (Change("/payload/cards/0/number", "1", ""), Change("/x", "1", "2"))
    assert hidden(told, SECRET) == (Change("/payload/cards/0/number", MASK, ""), told[1])
    assert hidden(told, Masking(level="secret"))[0].before == MASK


def test_many_and_long_changes_are_bounded() -> None:
    """A note is small, however large the body is; that there is more is told."""
    many = changes(orjson.dumps(list(range(99))), orjson.dumps([*map(str, range(99))]), OPEN)
    assert len(many) == MOST_CHANGES + 1
    assert many[-1].pointer == FURTHER
    (long,) = changes(b'{"a": 1}', orjson.dumps({"a": "x" * 9_999}), OPEN)
    assert len(long.after) == LONGEST
    hostile = [{"pointer": "/a", "before": "x" * 9_999, "after": ""}] * 99
    assert [len(one.before) for one in read_changes(hostile)] == [LONGEST] * (MOST_CHANGES + 1)


def test_what_is_no_json_is_one_change_of_the_whole() -> None:
    """So are the same values in another form; nothing at all is no change."""
    assert _changes(1, 1) == []
    assert changes(b"[1,", b"[1]", OPEN) == (Change("", "[1,", "[1]"),)
    assert changes(b"[1]", b"[ 1 ]", OPEN)[0].told == "the body: [1] → [ 1 ]"
    deep = [b"[" * depth + b"]" * depth for depth in (900, 901, 5_000)]
    assert all(len(changes(one, other, OPEN)) == 1 for one, other in pairwise(deep))
    assert changes(b"{}", b'{"a": %s}' % deep[0], OPEN)[0].pointer == ""


def test_the_journal_keeps_what_was_changed() -> None:
    """Written with the note that the edit begins, so it is known of one that was killed too."""
    made = changes(b'{"a": 1}', b'{"a": 2}', OPEN)
    desk = Desk(amqp_url="amqp://guest@host", names=NAMES, group="default")
    action = Action(desk=desk, run="run", verb=Verb.EDIT, who="ada", changes=made)
    note = began(action, 1, datetime(2026, 5, 1, tzinfo=UTC))
    read = read_note(
        Delivery(note.body, Properties(type=note.type), NAMES.dead, note.routing_key), NAMES
    )
    assert read is not None
    assert with_note(None, read).changes == made
