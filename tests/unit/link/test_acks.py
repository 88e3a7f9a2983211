"""Each settled tag is acked exactly once, and none that is not; as RabbitMQ would check it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pamqp import frame

from workers.link.acks import AckWindow


class Channel:
    """The broker's side of one channel: knows what is outstanding, and refuses a wrong ack."""

    def __init__(self) -> None:
        self.outstanding: list[int] = []
        self.acked: set[int] = set()

    def take(self, frames: list[bytes]) -> None:
        """Apply acks; an unknown tag is a channel error, as in RabbitMQ."""
        for raw in frames:
            _, channel, ack = frame.unmarshal(raw)
            assert channel == 5
            assert ack.delivery_tag in self.outstanding, "PRECONDITION_FAILED - unknown tag"
            covered = [
                tag
                for tag in self.outstanding
                if tag == ack.delivery_tag or (ack.multiple and tag < ack.delivery_tag)
            ]
            self.acked.update(covered)
            self.outstanding = [tag for tag in self.outstanding if tag not in covered]


class Windows(RuleBasedStateMachine):
    """Deliveries come, are done or given back in any order, and are flushed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.window = AckWindow()
        self.broker = Channel()
        self.tag = 0
        self.working: list[int] = []
        self.done: set[int] = set()
        self.back: set[int] = set()

    @rule(count=st.integers(1, 5))
    def deliver(self, count: int) -> None:
        """Bring some more."""
        for _ in range(count):
            self.tag += 1
            self.working.append(self.tag)
            self.broker.outstanding.append(self.tag)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """One is done."""
        tag = self.working.pop(data.draw(st.integers(0, len(self.working) - 1)))
        assert self.window.done(tag)
        self.done.add(tag)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """One is given back: its nack goes out before the next acks."""
        tag = self.working.pop(data.draw(st.integers(0, len(self.working) - 1)))
        assert self.window.gone(tag)
        self.broker.outstanding.remove(tag)
        self.back.add(tag)

    @precondition(lambda self: self.done or self.back)
    @rule(data=st.data())
    def settle_twice(self, data: st.DataObject) -> None:
        """Say a second word about a settled tag, which has no effect."""
        tag = data.draw(st.sampled_from(sorted(self.done | self.back)))
        assert not self.window.gone(tag)
        assert not self.window.done(tag)

    @rule()
    def flush(self) -> None:
        """Ack what is done, all of it and nothing else."""
        self.broker.take(self.window.frames(5))
        assert self.broker.acked == self.done

    @invariant()
    def nothing_else_is_acked(self) -> None:
        """Never a tag that is being worked on or was given back."""
        assert self.broker.acked <= self.done
        assert all(self.window.is_settled(tag) for tag in self.done | self.back)
        assert not any(self.window.is_settled(tag) for tag in self.working)


Windows.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
test_every_history_of_settling = Windows.TestCase


@given(st.integers(1, 400))
def test_what_is_done_in_order_costs_one_frame(count: int) -> None:
    """The usual case: a single ack for all."""
    window = AckWindow()
    for tag in range(1, count + 1):
        window.done(tag)
    assert len(window.frames(5)) == 1
    assert window.frames(5) == []


def test_a_slow_message_does_not_hold_back_the_ones_after_it() -> None:
    """They are acked one by one, and what is remembered stays as small as what is open."""
    window = AckWindow()
    broker = Channel()
    broker.outstanding = list(range(1, 2_001))
    for tag in range(2, 2_001):
        window.done(tag)
        if tag % 50 == 0:
            broker.take(window.frames(5))
    assert broker.outstanding == [1]
    assert len(window._open) == 1


def test_up_to_a_tag_all_is_settled_only_without_a_gap() -> None:
    """Neither one that is open below it nor one that nobody spoke of yet is passed over."""
    window = AckWindow()
    assert window.is_settled_up_to(0)
    for tag in (1, 2, 4):
        window.done(tag)
    assert window.is_settled_up_to(2)
    assert not window.is_settled_up_to(4)
    assert not window.is_settled_up_to(5)
    assert window.gone(3)
    assert window.is_settled_up_to(4)
