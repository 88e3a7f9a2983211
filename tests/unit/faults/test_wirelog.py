"""The order on the wire: an ack before its consequence is found."""

from __future__ import annotations

from faults.wirelog import Event, acked_too_early

IN, OUT = (1, 1), (2, 1)


def test_an_ack_behind_its_confirm_is_in_order() -> None:
    """Deliver, publish, confirm, ack."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("publish", OUT, 1, id="a"),
        Event("confirm", OUT, 1),
        Event("ack", IN, 1),
    ]
    assert acked_too_early(events) == []


def test_an_ack_before_its_confirm_is_found() -> None:
    """Published is not confirmed."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("publish", OUT, 1, id="a"),
        Event("ack", IN, 1),
        Event("confirm", OUT, 1),
    ]
    assert acked_too_early(events) == ["a"]


def test_an_ack_for_many_must_wait_for_all_of_them() -> None:
    """The one in the middle has no confirm yet."""
    events = [
        *(Event("deliver", IN, tag, id=told) for tag, told in enumerate("abc", start=1)),
        *(Event("publish", OUT, tag, id=told) for tag, told in enumerate("acb", start=1)),
        Event("confirm", OUT, 2, multiple=True),
        Event("ack", IN, 3, multiple=True),
    ]
    assert acked_too_early(events) == ["b"]


def test_an_earlier_deliverys_consequence_does_not_count() -> None:
    """What comes again needs an end of its own."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("publish", OUT, 1, id="a"),
        Event("confirm", OUT, 1),
        Event("deliver", (3, 1), 1, id="a"),
        Event("ack", (3, 1), 1),
    ]
    assert acked_too_early(events) == ["a"]


def test_a_refused_publish_is_no_consequence() -> None:
    """Nor is what was given back an ack."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("deliver", IN, 2, id="b"),
        Event("publish", OUT, 1, id="a"),
        Event("refuse", OUT, 1),
        Event("nack", IN, 2),
        Event("ack", IN, 2, multiple=True),
    ]
    assert acked_too_early(events) == ["a"]


def test_a_retry_copy_may_come_before_the_ack_of_the_first_delivery() -> None:
    """A worker that is held up for longer than the rung takes has done nothing wrong."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("publish", OUT, 1, id="a"),
        Event("confirm", OUT, 1),
        Event("deliver", (3, 1), 1, id="a"),
        Event("ack", IN, 1),
        Event("publish", (4, 1), 1, id="a"),
        Event("confirm", (4, 1), 1),
        Event("ack", (3, 1), 1),
    ]
    assert acked_too_early(events) == []


def test_one_consequence_does_not_do_for_two_deliveries() -> None:
    """The same message twice under way: the second ack has no publish of its own."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("deliver", (3, 1), 1, id="a"),
        Event("publish", OUT, 1, id="a"),
        Event("confirm", OUT, 1),
        Event("ack", IN, 1),
        Event("ack", (3, 1), 1),
    ]
    assert acked_too_early(events) == ["a"]


def test_the_order_of_the_acks_does_not_matter() -> None:
    """The later delivery, acked first, leaves the earlier one its publish."""
    events = [
        Event("deliver", IN, 1, id="a"),
        Event("publish", OUT, 1, id="a"),
        Event("deliver", (3, 1), 1, id="a"),
        Event("publish", (4, 1), 1, id="a"),
        Event("confirm", OUT, 1),
        Event("confirm", (4, 1), 1),
        Event("ack", (3, 1), 1),
        Event("ack", IN, 1),
    ]
    assert acked_too_early(events) == []
