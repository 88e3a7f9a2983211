"""The broker's refusals, read from the texts that RabbitMQ 3.10 and 4.0 really send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.refusal import Untold, adopt, advice, read_refusal
from topology.shape import Value


@pytest.mark.parametrize(
    ("tail", "current"),
    [
        ("received none but current is the value '20' of type 'byte'", 20),
        ("received none but current is the value '-1' of type 'signedint'", -1),
        ("received none but current is the value 'quorum' of type 'longstr'", "quorum"),
        ("received none but current is the value '7' of type 'longstr'", "7"),
        ("received none but current is the value 'true' of type 'bool'", True),
        ("received the value '100' of type 'byte' but current is none", None),
        ("received 'stream' but current is 'quorum'", "quorum"),
        ("received 'a' but current is ''", ""),
        ("received 'a' but current is 'b' but cur...", Untold.UNTOLD),
        ("received 'other' but cur...", Untold.UNTOLD),
    ],
)
def test_the_differing_argument_and_its_value_are_read(tail: str, current: object) -> None:
    """Whatever form the broker tells a value in, it is read with its type, or said to be untold."""
    refusal = read_refusal(
        f"PRECONDITION_FAILED - inequivalent arg 'x-a' for queue 'q' in vhost '/': {tail}"
    )
    assert refusal.code == "PRECONDITION_FAILED"
    assert refusal.argument == "x-a"
    assert refusal.current == current
    assert type(refusal.current) is type(current)


def test_a_refusal_without_an_argument_keeps_its_words() -> None:
    """Codes are read from any refusal, and its text stays for people, on one line."""
    refusal = read_refusal("ACCESS_REFUSED - configure access\n to queue 'q' refused for user 'u'")
    assert (refusal.code, refusal.argument) == ("ACCESS_REFUSED", None)
    assert refusal.text == "ACCESS_REFUSED - configure access to queue 'q' refused for user 'u'"
    assert read_refusal("No.").code == ""


@given(st.text(alphabet="ab'é_- 09\n\r\t\x1c\x85\u2028"))
def test_any_text_is_read(text: str) -> None:
    """No wording of a broker raises, and the text that is kept is one line."""
    for one in (text, f"inequivalent arg 'x' but current is {text}"):
        refusal = read_refusal(one)
        adopt({"x": 1}, refusal)
        assert len(refusal.text.splitlines()) <= 1


@pytest.mark.parametrize(
    ("ours", "told", "theirs"),
    [
        ({"x": 5}, "received '5' but current is '20'", {"x": 20}),
        ({"x": "a"}, "received 'a' but current is '20'", {"x": "20"}),
        ({"x": True}, "received 'true' but current is 'false'", {"x": False}),
        ({"x": 5, "y": 1}, "received the value '5' of type 'byte' but current is none", {"y": 1}),
        ({"y": 1}, "received none but current is the value '3' of type 'byte'", {"x": 3, "y": 1}),
        ({"x": 5}, "received '5' but cur...", None),
        ({"x": 20}, "received '20' but current is '20'", None),
    ],
)
def test_the_brokers_value_is_adopted_to_ask_on(
    ours: dict[str, Value], told: str, theirs: dict[str, Value] | None
) -> None:
    """Each refusal changes the declaration by what it tells, or ends the asking."""
    assert adopt(ours, read_refusal(f"PRECONDITION_FAILED - inequivalent arg 'x' {told}")) == theirs


def test_a_refusal_of_something_else_ends_the_asking() -> None:
    """A text about no argument teaches nothing."""
    assert adopt({"x": 1}, read_refusal("PRECONDITION_FAILED - invalid arg")) is None


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("ACCESS_REFUSED", "topology role"),
        ("PRECONDITION_FAILED", "plan again"),
        ("NOT_FOUND", "apply again"),
        ("INTERNAL_ERROR", "broker's log"),
    ],
)
def test_each_refusal_has_advice(code: str, cure: str) -> None:
    """A person is told what to do next."""
    assert cure in advice(read_refusal(f"{code} - x"))
