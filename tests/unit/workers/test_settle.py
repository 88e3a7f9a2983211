"""Publish, confirm, then ack: in which order settling does it, whatever the broker says."""

from datetime import UTC, datetime

import pytest
from contract.recording import RecordingBooks, RecordingBroker

from messages import ErrorCode
from topology import Delay, Names
from workers.outcome import (
    Answer,
    Batched,
    DeadLettered,
    Delivery,
    End,
    Expired,
    Failure,
    Outcome,
    Properties,
    Replied,
    Requeued,
    Retried,
    Subject,
)
from workers.publication import Publication, Published
from workers.settle import Settler
from workers.settling.copies import Origin
from workers.settling.patience import ANSWER_TRIES

ANSWER = Answer("", "answers", "c-1", "task_response", b"{}")
FAILURE = Failure(ErrorCode.REJECTED, "no")
DELIVERY = Delivery(
    b"body",
    Properties(reply_to="answers"),
    "leveret.requests",
    "task_request",
    "leveret.work.default",
    tag=7,
    session=1,
)
REPLIED = Replied(Subject(), ANSWER)
DEAD = DeadLettered(Subject(), FAILURE, "letter-1", answer=ANSWER)


class Bench:
    """A settler between a recording broker and recording books."""

    def __init__(self) -> None:
        self.broker = RecordingBroker()
        self.books = RecordingBooks()
        origin = Origin(Names(), "default", "worker-1", "guest")
        self._settler = Settler(
            self.broker,
            origin,
            self.books,
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )

    def settle(self, outcome: Outcome, delivery: Delivery = DELIVERY) -> None:
        """Begin to settle the one delivery."""
        self._settler.settle(delivery, outcome, 0.001)


@pytest.fixture
def bench() -> Bench:
    """Return a fresh bench."""
    return Bench()


def test_an_answer_is_confirmed_before_the_ack(bench: Bench) -> None:
    """While the answer is unconfirmed the message stays with the broker."""
    bench.settle(REPLIED)
    assert bench.broker.told == ["publish"]
    bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish", "ack"]
    assert bench.books.ends == ["Replied"]


def test_work_nobody_asked_about_is_acked_at_once(bench: Bench) -> None:
    """Without an answer there is nothing to wait for."""
    bench.settle(Replied(Subject()))
    assert bench.broker.told == ["ack"]


def test_an_answer_to_nobody_is_counted_and_the_work_stands(bench: Bench) -> None:
    """An asker that is gone does not make the work be done again."""
    bench.settle(REPLIED)
    bench.broker.say(Published.RETURNED)
    assert bench.broker.told == ["publish", "ack"]
    assert bench.books.ends == ["undeliverable", "Replied"]


def test_a_full_answer_queue_is_tried_a_few_times_then_given_up(bench: Bench) -> None:
    """A slow asker gets a few more chances, and holds nobody's message for ever."""
    bench.settle(REPLIED)
    for _ in range(ANSWER_TRIES - 1):
        bench.broker.say(Published.REFUSED)
        assert "ack" not in bench.broker.told
        bench.broker.wait()
    bench.broker.say(Published.REFUSED)
    assert bench.broker.told == ["publish"] * ANSWER_TRIES + ["ack"]
    assert bench.books.ends == ["undeliverable", "Replied"]


def test_an_answer_that_waits_for_room_does_not_count_for_ever(bench: Bench) -> None:
    """Half of a prefetch of 1 is one answer, and its place is free again after each wait."""
    for _ in range(3):
        bench.settle(REPLIED)
        bench.broker.say(Published.REFUSED)
        bench.broker.wait()
        bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish", "publish", "ack"] * 3


def test_of_many_for_one_full_queue_half_of_the_prefetch_waits(bench: Bench) -> None:
    """The others' places are free for whoever reads its answers."""
    for _ in range(3):
        bench.settle(REPLIED)
    for _ in range(3):
        bench.broker.say(Published.REFUSED)
    assert len(bench.broker.waiting) == 1
    assert bench.books.ends == ["undeliverable", "Replied"] * 2


def test_a_closed_exchange_is_tried_by_one_message_for_all(bench: Bench) -> None:
    """Each try costs a channel; and what is for another exchange is not held up."""
    waits = Retried(Subject(), FAILURE, Delay(10, "s"), 1)
    for _ in range(3):
        bench.settle(waits)
    for _ in range(3):
        bench.broker.say(Published.CLOSED)
    assert bench.broker.told == ["publish"] * 3
    for _ in range(5):
        bench.settle(waits)
        bench.broker.wait()
        bench.broker.say(Published.CLOSED)
    assert bench.broker.told == ["publish"] * 8
    bench.settle(REPLIED)
    bench.broker.say(Published.CONFIRMED)
    assert bench.books.ends == ["Replied"]
    bench.broker.wait()
    while bench.broker.pending:
        bench.broker.say(Published.CONFIRMED)
    assert bench.books.ends == ["Replied"] + ["Retried"] * 8
    assert bench.broker.told.count("ack") == 9


def test_an_answer_waits_for_its_closed_exchange_too(bench: Bench) -> None:
    """It is ours to have, so the asker may well be there."""
    bench.settle(REPLIED)
    bench.broker.say(Published.CLOSED)
    for _ in range(10):
        bench.broker.wait()
        bench.broker.say(Published.CLOSED)
    assert "ack" not in bench.broker.told
    bench.broker.wait()
    bench.broker.say(Published.CONFIRMED)
    assert bench.books.ends == ["Replied"]


def test_a_letter_whose_knock_is_lost_with_its_line_is_offered_again(bench: Bench) -> None:
    """Nobody knows what became of it; it waits on."""
    bench.settle(DEAD)
    bench.broker.say(Published.CLOSED)
    bench.broker.wait()
    bench.broker.say(Published.UNKNOWN)
    bench.broker.wait()
    for _ in range(3):
        bench.broker.say(Published.CONFIRMED)
    assert bench.books.ends == ["DeadLettered"]


def test_a_dead_letter_comes_before_its_error_answer_and_both_before_the_ack(bench: Bench) -> None:
    """Whoever gets the error answer can already find the letter it names."""
    bench.settle(DEAD)
    letter = bench.broker.pending[0].message
    assert isinstance(letter, Publication)
    assert (letter.exchange, letter.routing_key) == ("", "leveret.dead.default")
    assert letter.body == b"body"
    bench.broker.say(Published.CONFIRMED)
    copy = bench.broker.pending[0].message
    assert (copy.exchange, copy.routing_key) == ("leveret.dead", "journal:default")
    bench.broker.say(Published.CONFIRMED)
    assert bench.broker.pending[0].message == ANSWER
    assert "ack" not in bench.broker.told
    bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish", "publish", "publish", "ack"]


@pytest.mark.parametrize("fate", [Published.CLOSED, Published.RETURNED, Published.UNKNOWN])
def test_a_missing_journal_holds_the_message_and_sends_no_second_letter(
    bench: Bench, fate: Published
) -> None:
    """Only the journal's copy is offered again, until it is there."""
    bench.settle(DEAD)
    bench.broker.say(Published.CONFIRMED)
    bench.broker.say(fate)
    bench.broker.say(Published.CONFIRMED)  # the answer does not wait for it
    for _ in range(12):
        assert "ack" not in bench.broker.told
        bench.broker.wait()
        bench.broker.say(fate)
    bench.broker.wait()
    bench.broker.say(Published.CONFIRMED)
    assert bench.books.ends == ["DeadLettered"]
    sent = [message.exchange for verb, message in bench.broker.verbs if verb == "publish"]
    assert sent == ["", "leveret.dead", "", *["leveret.dead"] * 13]


@pytest.mark.parametrize(
    "fates",
    [
        (Published.UNKNOWN, Published.CONFIRMED),
        (Published.UNKNOWN, Published.CLOSED),
        (Published.CLOSED, Published.CLOSED),
    ],
)
@pytest.mark.parametrize("told_before", [0, 1, 2])
def test_a_message_whose_line_is_lost_while_two_copies_are_under_way_is_let_go_once(
    bench: Bench, fates: tuple[Published, Published], told_before: int
) -> None:
    """Whatever is told of the two, before and after, and whichever of them waits."""
    bench.settle(DEAD)
    bench.broker.say(Published.CONFIRMED)
    for fate in fates[:told_before]:
        bench.broker.say(fate)
    bench.broker.end_session()
    for fate in fates[told_before:]:
        bench.broker.say(fate)
    while bench.broker.waiting:
        bench.broker.wait()
    assert bench.books.ends == ["abandoned"]
    assert "ack" not in bench.broker.told


def test_a_refused_copy_for_the_journal_is_not_offered_again(bench: Bench) -> None:
    """The journal may have it, and would have it twice; the letter is in the open work."""
    bench.settle(DEAD)
    bench.broker.say(Published.CONFIRMED)
    bench.broker.say(Published.REFUSED)
    bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish", "publish", "publish", "ack"]
    assert bench.books.ends == ["DeadLettered"]


def test_a_letter_that_cannot_be_sent_goes_with_less(bench: Bench) -> None:
    """Its id, code and way; and what the journal hears is the same letter."""
    bench.settle(DEAD)
    whole = bench.broker.pending[0].message
    bench.broker.say(Published.UNSENDABLE)
    small = bench.broker.pending[0].message
    assert isinstance(small, Publication)
    assert small.headers.keys() < whole.headers.keys()
    assert small.headers["leveret-id"] == "letter-1"
    for _ in range(4):
        if bench.broker.pending:
            bench.broker.say(Published.CONFIRMED)
    assert bench.books.ends == ["DeadLettered"]
    assert not bench.broker.waiting


def test_a_letter_of_which_nothing_can_be_sent_is_held(bench: Bench) -> None:
    """Its body is more than the broker takes now: the message stays, and that is told."""
    bench.settle(DEAD)
    bench.broker.say(Published.UNSENDABLE)
    for _ in range(5):
        bench.broker.say(Published.UNSENDABLE)
        assert "ack" not in bench.broker.told
        bench.broker.wait()


@pytest.mark.parametrize(
    ("header", "level", "counted"),
    [("replay-of", "INFO", []), ("else", "WARNING", ["undeliverable"])],
)
def test_an_answer_to_a_replay_is_not_missed(
    bench: Bench, caplog: pytest.LogCaptureFixture, header: str, level: str, counted: list[str]
) -> None:
    """Who asked first has long gone when an operator sends the message again: no alert for that."""
    caplog.set_level("INFO", "leveret.settle")
    headers = {f"leveret-{header}": "letter-0"}
    bench.settle(REPLIED, DELIVERY._replace(properties=Properties(headers=headers)))
    bench.broker.say(Published.RETURNED)
    assert [record.levelname for record in caplog.records] == [level]
    assert bench.books.ends == [*counted, "Replied"]


def test_what_is_refused_by_a_full_queue_leaves_nothing_in_the_journal(bench: Bench) -> None:
    """The journal hears of a letter once it is in the open work, however often it was tried."""
    bench.settle(DEAD)
    for _ in range(5):
        bench.broker.say(Published.REFUSED)
        bench.broker.wait()
    sent = [message.exchange for verb, message in bench.broker.verbs if verb == "publish"]
    assert sent == [""] * 6


@pytest.mark.parametrize("fate", [Published.RETURNED, Published.REFUSED, Published.UNKNOWN])
def test_a_dead_letter_that_is_not_taken_is_offered_again_for_ever(
    bench: Bench,
    fate: Published,
) -> None:
    """No dead-letter queue, or a full one: the message waits with us and is not lost."""
    bench.settle(DEAD)
    waits = []
    for _ in range(12):
        bench.broker.say(fate)
        assert "ack" not in bench.broker.told
        waits.append(bench.broker.wait())
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2] > waits[0]


def test_an_expired_message_is_a_dead_letter_too(bench: Bench) -> None:
    """Too late is an end that can be seen."""
    bench.settle(Expired(Subject(), Failure(ErrorCode.EXPIRED, "too late"), "letter-2"))
    bench.broker.say(Published.CONFIRMED)
    bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish", "publish", "ack"]
    assert bench.books.ends == ["Expired"]


def test_a_retry_waits_on_its_rung_and_is_confirmed_before_the_ack(bench: Bench) -> None:
    """The copy knows the way back to the very queue it came from."""
    bench.settle(Retried(Subject(), FAILURE, Delay(10, "s"), 1))
    copy = bench.broker.pending[0].message
    assert (copy.exchange, copy.routing_key) == ("leveret.retry.10s", "leveret.work.default")
    bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish", "ack"]


def test_what_is_given_back_is_neither_acked_nor_published(bench: Bench) -> None:
    """A leaving worker leaves no trace on a message."""
    bench.settle(Requeued(Subject(), "leaving"))
    assert bench.broker.told == ["requeue"]


@pytest.mark.parametrize("fate", list(Published))
@pytest.mark.parametrize("outcome", [REPLIED, DEAD, Retried(Subject(), FAILURE, Delay(1, "s"), 1)])
def test_a_delivery_of_an_ended_session_is_let_go(
    bench: Bench,
    outcome: Outcome,
    fate: Published,
) -> None:
    """The broker has the message again, so nothing more is done about this copy of it."""
    bench.settle(outcome)
    bench.broker.end_session()
    bench.broker.say(fate)
    while bench.broker.waiting:
        bench.broker.wait()
    assert bench.broker.told == ["publish"]
    assert bench.books.ends == ["abandoned"]


def test_a_batch_is_acked_after_each_of_its_consequences_is_confirmed() -> None:
    """Its dead letters one by one, its answer, the copy of what waits, and then one ack."""
    bench = Bench()
    part = DELIVERY._replace(body=b"part")
    waits = Retried(Subject(), FAILURE, Delay.parse("1s"), 1)
    ends = (End(part, DEAD), End(part, Replied(Subject())), End(part, DEAD))
    bench.settle(Batched(Subject(), ends, ANSWER, End(part, waits)))
    for number in range(1, 7):
        assert bench.broker.told == ["publish"] * number
        bench.broker.say(Published.CONFIRMED)
    assert bench.broker.told == ["publish"] * 6 + ["ack"]
    assert bench.books.ends == ["Batched"]
    exchanges = [message.exchange for verb, message in bench.broker.verbs if verb == "publish"]
    assert exchanges == ["", "leveret.dead", "", "leveret.dead", "", "leveret.retry.1s"]
