"""Values that nobody may read: hidden by pointer and by level, and back in an edited body."""

from __future__ import annotations

import orjson
import pytest

from workers.deadletters import MASK, BadPointer, Masking, changed

BODY = orjson.dumps(
    {
        "envelope_id": "e",
        "payload": {
            "message_type": "document",
            "content": "the plan",
            "request": {"parameters": {"password": "pw", "cards": [{"no": 1}, {"no": 2}]}},
        },
    },
)


def test_pointers_hide_values_and_stars_any_key() -> None:
    """What is hidden keeps its form; all else is byte for byte what it was."""
    shown = Masking(
        ("/payload/request/parameters/password", "/payload/request/parameters/cards/*/no"),
    ).shown(BODY)
    parameters = orjson.loads(shown)["payload"]["request"]["parameters"]
    assert parameters == {"password": MASK, "cards": [{"no": MASK}, {"no": MASK}]}
    assert Masking(("/elsewhere",)).shown(BODY) is BODY
    assert Masking().shown(BODY) is BODY


def test_levels_hide_without_being_told() -> None:
    """Confidential hides a document's content, secret all but the types."""
    assert b"the plan" in Masking(level="internal").shown(BODY)
    confidential = Masking(level="confidential").shown(BODY)
    assert b"the plan" not in confidential
    assert b"pw" in confidential
    secret = Masking(level="secret").shown(BODY)
    assert b"pw" not in secret
    assert orjson.loads(secret)["payload"]["message_type"] == "document"


def test_what_is_no_json_hides_what_follows_the_keys_name() -> None:
    """A broken body must not show what a whole one would hide."""
    broken = b'{"payload": {"password": "p\\"w", "password":"cut'
    shown = Masking(("/payload/password",)).shown(broken)
    assert b"w" not in shown.replace(b"password", b"")
    assert b"cut" not in shown
    assert Masking(level="secret").shown(broken) == MASK.encode()


def test_an_edited_body_gets_its_hidden_values_back() -> None:
    """An operator mends what they may see, and the rest stays what it was."""
    masking = Masking(("/payload/request/parameters/password",))
    edited = changed(masking.shown(BODY), (("/payload/content", "new"),))
    restored = orjson.loads(masking.restore(edited, BODY))
    assert restored["payload"]["request"]["parameters"]["password"] == "pw"
    assert restored["payload"]["content"] == "new"


def test_values_are_set_at_pointers() -> None:
    """In objects, in lists, at the end of a list; and nowhere else."""
    body = b'{"a": [1, {"b": 2}]}'
    assert changed(body, (("/a/1/b", None), ("/c", []))) == b'{"a":[1,{"b":null}],"c":[]}'
    assert changed(body, (("/a/-", 3), ("/a/0", 0))) == b'{"a":[0,{"b":2},3]}'
    assert changed(b"{}", (("/~01~1", 1),)) == b'{"~1/":1}'
    for pointer in ("/x/y", "/a/7", "/a/0/z", "a", "/a/*/b", "/a~2", "/c~"):
        with pytest.raises(BadPointer):
            changed(body, ((pointer, 1),))
    with pytest.raises(BadPointer, match="no JSON"):
        changed(b"{", (("/a", 1),))
    with pytest.raises(BadPointer):
        Masking(("payload",))
