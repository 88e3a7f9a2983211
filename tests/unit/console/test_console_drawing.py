"""Charts stay in their box, the picture shows what is missing, texts hide nothing."""

from __future__ import annotations

import json

import pytest

from topology import TopologySpec, design, parse_delays, plan
from topology.design import GroupSpec
from topology.plan import Found
from topology.version import BrokerVersion
from workers.console.charts import HEIGHT, spark
from workers.console.letters.chosen import brief
from workers.console.letters.text import editable, posted
from workers.console.picture import picture
from workers.console.view import UNKNOWN, ago, number, seconds, size, visible, when


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
    assert [box.name for box in drawn.boxes if box.history] == ["leveret.dead.journal"]
    assert all(box.y + 38 <= drawn.height for box in drawn.boxes)
    assert len(drawn.lines) == len({(one.source, one.destination) for one in wanted.bindings})
    unseen = picture(wanted, None, {})
    assert {box.state for box in unseen.boxes} == {"unseen"}


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
        (b'{"a":"\x7f\xc2\x85","b":1}', '{\n  "a": "\\u007f\\u0085",\n  "b": 1\n}'),
        (
            '{"\u200b":"\U000e0067"}'.encode(),
            '{\n  "\\u200b": "\\udb40\\udc67"\n}',
        ),
        (b'{\r\n"a":1.10}\r\n', '{\n"a":1.10}\n'),
        (b"no json\x7f", None),
        (b"no\r\njson", None),
    ],
)
def test_a_body_is_indented_without_being_changed(body: bytes, text: str | None) -> None:
    """Numbers, order and keys that stand twice stay; what is no JSON stays whole."""
    assert editable(body) == text


def test_half_of_a_surrogate_pair_is_no_reason_to_fail() -> None:
    """A form may hold one; nothing encodes it."""
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


def test_chosen_letters_are_told_in_a_line() -> None:
    """A few of them and how many; everything else of a selection stays as it is."""
    ids = [f"{number}a7b1c22-9f00-4d61-8f7e-0123456789ab" for number in range(5)]
    told = brief(f"error_code=rejected ids={','.join(ids)} contains=x")
    assert told == (
        "error_code=rejected 5 chosen letters: 0a7b1c22, 1a7b1c22, 2a7b1c22 and 2 more contains=x"
    )
    assert brief(f"ids={ids[0]}") == f"ids={ids[0]}"
    assert brief(f"ids={ids[0]},{ids[1]}") == "2 chosen letters: 0a7b1c22, 1a7b1c22"
    assert brief("contains=kids=1,2,3") == "contains=kids=1,2,3"
    assert brief("") == ""


@pytest.mark.parametrize("code", [0x7F, 0x85, 0xAD, 0x200B, 0xE0067, 0x1BCA0])
def test_what_a_form_holds_of_a_body_means_the_same(code: int) -> None:
    """Characters that cannot be seen are written as JSON writes them, and a page changes none."""
    body = f'{{"{chr(code)}": "x{chr(code)}"}}'
    text = editable(body.encode())
    assert text is not None
    assert visible(text) == text
    assert json.loads(posted(text)) == json.loads(body)
