"""Whatever stands in the journal, reading it raises nothing: one bad message blinds nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from topology import Names
from workers import headers as h
from workers.deadletters import Desk, Reader, Selection
from workers.deadletters.groups import grouped
from workers.deadletters.ledger import Ledger
from workers.deadletters.notes import NOTE
from workers.outcome import Delivery, Properties
from workers.settling.replays import REPLAYED

NAMES = Names()
READER = Reader(NAMES, "guest")
DESK = Desk(amqp_url="amqp://guest@host", names=NAMES, group="default")

#: Anything that JSON can hold.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
TIMES = st.sampled_from(["2026-05-01T12:00:00Z", "9999-12-31T23:59:59-10:00", "soon", ""])


def _maybe(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return usual | VALUES


NOTES = st.fixed_dictionaries(
    {
        "step": _maybe(st.sampled_from(["began", "closed", "reconciled", "steered", "ended"])),
        "run": _maybe(st.just("run")),
        "verb": _maybe(st.sampled_from(["replay", "discard"])),
        "queue": _maybe(st.just(DESK.queue)),
        "at": _maybe(TIMES),
    },
    optional={
        "ids": _maybe(st.lists(st.sampled_from(["a", "b"]))),
        "found": _maybe(
            st.lists(st.fixed_dictionaries({"id": _maybe(st.just("c")), "failed_at": VALUES}))
        ),
        "kept": _maybe(st.dictionaries(st.text(max_size=5), VALUES)),
        "changes": _maybe(
            st.lists(
                VALUES
                | st.fixed_dictionaries(
                    dict.fromkeys(("pointer", "before", "after"), st.text(max_size=9))
                )
            )
        ),
        "finishes": _maybe(st.lists(VALUES, max_size=3)),
        **dict.fromkeys(
            ("surplus", "unremoved", "done", "gone", "what", "who", "meant", "succeeded", "why"),
            VALUES,
        ),
    },
)
#: What AMQP can hold in a table.
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *(h.ID, h.ERROR_CODE, h.ERROR, h.FINGERPRINT, h.MESSAGE_TYPE, h.TASK_TYPE),
            *(h.ATTEMPTS, h.HISTORY, h.FIRST_SEEN, h.FAILED_AT, h.REPLAY_OF, h.REPLAYS, "x-death"),
        ]
    ),
    VALUES | TIMES | VALUES.map(lambda value: orjson.dumps(value, default=str).decode()),
)


def _journal(*messages: Delivery) -> Ledger:
    ledger = Ledger(READER, group="default", queue=DESK.queue)
    for place, one in enumerate(messages):
        headers = {**one.properties.headers, h.OFFSET: place}
        ledger.take(one._replace(properties=one.properties._replace(headers=headers)))
    return ledger


def _note(body: bytes, kind: str = NOTE) -> Delivery:
    return Delivery(body, Properties(type=kind, user_id="eve"), NAMES.dead, NAMES.journal_key)


LETTER = Delivery(
    b"{}",
    Properties(headers={h.ID: "a", h.ERROR_CODE: "rejected", h.FINGERPRINT: "f"}),
    NAMES.dead,
    "default",
)


@given(st.lists(NOTES, max_size=4))
def test_no_note_stops_the_reading(notes: list[dict[str, Any]]) -> None:
    """What is left is a ledger that can be listed, grouped and told as a history."""
    ledger = _journal(LETTER, *(_note(orjson.dumps(one)) for one in notes), LETTER)
    open_ = [entry.summary for entry in ledger.open.values()]
    assert "a" in ledger.open
    grouped(open_, ledger.reasons)
    sorted(one.failed_at or "" for one in open_)
    [Selection(error_code="x").meant(one) for one in open_]
    for deed in ledger.deeds.values():
        datetime.fromisoformat(deed.began)
        assert all(isinstance(count, int) for count in deed.kept.values())


@given(st.binary(max_size=40), st.sampled_from([NOTE, REPLAYED]))
def test_no_bytes_stop_the_reading(body: bytes, kind: str) -> None:
    """Notes and workers' words alike."""
    assert list(_journal(_note(body, kind), LETTER).open) == ["a"]


@given(HEADERS, st.binary(max_size=30))
def test_no_letter_stops_the_reading(headers: dict[str, object], body: bytes) -> None:
    """It is read whole, has an id that fits into an address, and stands where it is looked for."""
    letter = Delivery(body, Properties(headers=headers), NAMES.dead, "default")
    ledger = _journal(LETTER, letter)
    whole = READER.letter(letter)
    assert whole.id == READER.id(letter)
    assert whole.id in ledger.open
    assert whole.id.replace(".", "").replace("-", "").replace("_", "").isalnum()
    assert "/" not in whole.id
