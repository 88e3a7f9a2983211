"""Values that nobody may read: hidden by pointer and by level, and back in an edited body."""

from __future__ import annotations

import orjson
import pytest

from workers.deadletters import MASK, BadPointer, Masking, Unrestored, changed
from workers.deadletters.spans import compact, indented

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
    assert changed(body, (("/a/1/b", None), ("/c", []))) == b'{"a": [1, {"b": null}],"c":[]}'
    assert changed(body, (("/a/-", 3), ("/a/0", 0))) == b'{"a": [0, {"b": 2},3]}'
    assert changed(b"{}", (("/~01~1", 1),)) == b'{"~1/":1}'
    for pointer in ("/x/y", "/a/7", "/a/0/z", "a", "/a/*/b", "/a~2", "/c~"):
        with pytest.raises(BadPointer):
            changed(body, ((pointer, 1),))
    with pytest.raises(BadPointer, match="no JSON"):
        changed(b"{", (("/a", 1),))
    with pytest.raises(BadPointer):
        Masking(("payload",))


DOCUMENT = {"title": "the plan", "content": "CONTENT"}


@pytest.mark.parametrize(
    "body",
    [
        {"payload": {"message_type": "document", "document": DOCUMENT}},
        {"jsonrpc": "2.0", "method": "document", "params": DOCUMENT},
        {"jsonrpc": "2.0", "method": "document", "params": {"document": DOCUMENT}},
        {"jsonrpc": "2.0", "method": "document", "params": ["the plan", "CONTENT"]},
        [{"params": {"document": DOCUMENT}}, {"payload": DOCUMENT}],
        {"payload": {"message_type": "batch", "messages": [{"payload": {"document": DOCUMENT}}]}},
        {"msg_id": 7, "msg_type": "document", "data": {"document": DOCUMENT}},
        {"message_type": "document", **DOCUMENT},
        {"payload": orjson.dumps(DOCUMENT).decode()},
        {"payload": {"document": [DOCUMENT]}},
        orjson.dumps({"payload": DOCUMENT}).decode(),
        {"payload": {"messages": orjson.dumps([DOCUMENT]).decode()}},
        {"payload": {"messages": {"0": DOCUMENT}}},
        {"payload": {"messages": [[DOCUMENT]]}},
        {"messages": [{"payload": DOCUMENT}]},
        [[DOCUMENT]],
    ],
)
@pytest.mark.parametrize("level", ["confidential", "secret"])
def test_a_level_hides_a_document_in_every_form(body: object, level: str) -> None:
    """Whatever a sender wrapped it in, and where it was put into nothing at all."""
    masking = Masking(level=level)
    shown = masking.shown(orjson.dumps(body))
    assert b"the plan" not in shown
    assert b"CONTENT" not in shown
    assert masking.restore(shown, orjson.dumps(body)) == orjson.dumps(body)


def test_what_is_no_json_is_hidden_whole_where_a_level_hides() -> None:
    """There is no place in it of which anybody knows what it is; with a pointer, all behind it."""
    broken = b"{'content': 'CONTENT'"
    assert Masking(level="confidential").shown(broken) == MASK.encode()
    shown = Masking(("/cards",)).shown(b'{"cards": [4000, {"n": 5000}')
    assert b"000" not in shown
    assert Masking(("/cards",)).shown(b'{"x": "\xff", "cards": 1') == (
        b'{"x": "\xff", "cards": "%s"' % MASK.encode()
    )


def test_what_a_secret_message_says_of_itself_is_shown() -> None:
    """Nothing else is, under whatever key, in a call or in a message of no known form."""
    body = {"jsonrpc": "2.0", "method": "m", "id": 1, "x": "pw", "source_agent": {"a": {"b": "pw"}}}
    shown = Masking(level="secret").shown(orjson.dumps(body))
    assert b"pw" not in shown
    assert orjson.loads(shown)["method"] == "m"
    assert Masking(level="secret").covers("/source_agent")


NUMBER = Masking(("/cards/*/no", "/pw", "/tags", "/deep/pw"))
ORIGINAL = (
    b'{"cards":[{"no":"A","x":1},{"no":"B","x":2}],"pw":"P","tags":["s","t"],"deep":{"pw":1.10}}'
)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (f'{{"no":"{MASK}","x":1}},', ""),  # an element gone: the next takes its place
        (f'{{"no":"{MASK}","x":1}},', f'{{"no":"{MASK}","x":2}},'),  # one copied over another
        ('"x":1', '"x":9},{"x":1'),  # one more
        (f'"tags":["{MASK}","{MASK}"]', f'"tags":["{MASK}","new"]'),  # which one stayed?
        ('"pw":', '"password":'),  # a key that was not there
        ('"x":1', f'"x":"{MASK}"'),  # nothing was hidden there
        (f'"pw":"{MASK}"', f'"pw":"Bearer {MASK}"'),  # more than the mask
        (f'"pw":"{MASK}"', f'"pw":"{MASK}","pw":"{MASK}"'),  # twice
        (f'"pw":"{MASK}"', r'"new":"\u2022\u2022\u2022\u2022"'),  # as some editors write it
        ('"pw":', f'"{MASK}":'),  # in a key
        ('"x":1', '"x":'),  # no JSON any more
        (f'{{"pw":"{MASK}"}}', f'[{{"pw":"{MASK}"}}]'),  # another form
    ],
)
def test_a_mask_of_which_nobody_knows_the_value_is_refused(was: str, now: str) -> None:
    """Neither the mask, nor null, nor another's secret is sent."""
    shown = NUMBER.shown(ORIGINAL).decode()
    assert was in shown
    with pytest.raises(Unrestored, match="nothing was sent"):
        NUMBER.restore(shown.replace(was, now, 1).encode(), ORIGINAL)


def test_two_turned_round_are_refused() -> None:
    """What is seen of each stands in the other's place now."""
    shown = orjson.loads(NUMBER.shown(ORIGINAL))
    shown["cards"].reverse()
    with pytest.raises(Unrestored, match="/cards"):
        NUMBER.restore(orjson.dumps(shown), ORIGINAL)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"x":1', '"x":9'),
        (f'"tags":["{MASK}","{MASK}"]', '"tags":[]'),
        (f'"{MASK}","x":2', '"C","x":2'),
        ('{"cards"', '{ "new": "•",\n"cards"'),
        (f'"pw":"{MASK}"', r'"pw":"\u2022\u2022\u2022\u2022"'),
    ],
)
def test_all_that_nobody_touched_comes_back_as_it_was(was: str, now: str) -> None:
    """One place mended, a hidden value overwritten or taken out: the others are the originals."""
    shown = NUMBER.shown(ORIGINAL).decode()
    assert was in shown
    restored = NUMBER.restore(shown.replace(was, now, 1).encode(), ORIGINAL)
    assert MASK.encode() not in restored
    assert b'"no":"A"' in restored
    assert b'{"pw":1.10}' in restored


def test_a_broken_body_whose_secrets_were_hidden_is_not_sent_with_the_mask() -> None:
    """Mended to JSON, it still holds the mask, and nobody knows what stood there."""
    masking = Masking(("/payload/password",))
    broken = b'{"payload":{"password":"pw","x":1'
    shown = masking.shown(broken)
    assert MASK.encode() in shown
    with pytest.raises(Unrestored, match="no JSON"):
        masking.restore(shown + b"}}", broken)
    assert masking.restore(b'{"payload":{"x":1}}', broken) == b'{"payload":{"x":1}}'


def test_what_looks_like_a_mask_and_stood_there_may_stay() -> None:
    """A sender may write it; where it was not, nobody may put it."""
    body = '{"a":"••••","b":["•","x ••••"]}'.encode()
    assert Masking().restore(body, body) == body
    assert Masking().restore(b"no JSON", body) == b"no JSON"
    with pytest.raises(Unrestored):
        Masking().restore(body, b'{"a":1}')


DEEP = b"[" * 1000 + b"]" * 1000
ODD = b'{"big":123456789012345678901234567890,"tens":1.10,"k":1,"k":2,"deep":%s,"pw":"p"}' % DEEP


def test_numbers_and_keys_that_nobody_touched_stay_as_they_were_written() -> None:
    """More digits than Python holds, keys that stand twice, a thousand levels."""
    masking = Masking(("/pw",))
    assert masking.shown(ODD) == ODD.replace(b'"p"', f'"{MASK}"'.encode())
    assert masking.restore(masking.shown(ODD), ODD) == ODD
    assert changed(ODD, (("/tens", 2),)) == ODD.replace(b"1.10", b"2")
    with pytest.raises(BadPointer, match="more than once"):
        changed(ODD, (("/k", 3),))
    assert Masking(("/k",)).shown(b'{"k":"a","k":"b"}').count(MASK.encode()) == 2


def test_json_in_lines_is_the_same_json() -> None:
    """Only white space differs."""
    assert indented(b'{"a":[1.10, {}],"a":[ ]}') == (
        b'{\n  "a": [\n    1.10,\n    {}\n  ],\n  "a": []\n}'
    )
    assert compact(indented(ODD)) == ODD
