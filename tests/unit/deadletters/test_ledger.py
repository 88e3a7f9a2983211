"""The journal read as a ledger: letters less what the notes close."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from topology import Names
from workers import headers as h
from workers.deadletters import Desk, Reader, Verb
from workers.deadletters.deeds import in_the_way
from workers.deadletters.ledger import NOWHERE, Ledger
from workers.deadletters.notes import (
    Action,
    End,
    began,
    closed,
    ended,
    read_note,
    reconciled,
    steered,
)
from workers.outcome import Delivery, Properties
from workers.publication import Publication

NAMES = Names()
NOW = datetime(2026, 5, 1, tzinfo=UTC)
READER = Reader(NAMES, "guest")
DESK = Desk(amqp_url="amqp://guest@host", names=NAMES, group="default")


class Journal:
    """A stream that a ledger reads."""

    def __init__(self) -> None:
        self.ledger = Ledger(READER, group="default", queue=DESK.queue)

    def letter(self, letter_id: str, group: str = "default", **headers: Any) -> None:
        """Add a letter as a worker writes it."""
        self.told(NAMES.history_key(group), letter_id, **headers)

    def told(self, key: str, letter_id: str, **headers: Any) -> None:
        """Add a letter that came by a key."""
        told = {h.ID: letter_id, h.ERROR_CODE: "rejected", h.FINGERPRINT: "f"} | headers
        self._add(key, Properties(headers=told), b"{}")

    def note(self, note: Publication, user: str = "guest") -> None:
        """Add a note as an operator's program writes it."""
        self._add(note.routing_key, Properties(type=note.type, user_id=user), note.body)

    def _add(self, key: str, properties: Properties, body: bytes) -> None:
        placed = {**properties.headers, h.OFFSET: self.ledger.next}
        properties = properties._replace(headers=placed)
        self.ledger.take(Delivery(body, properties, NAMES.dead, key))


def action(run: str = "run", verb: Verb = Verb.REPLAY) -> Action:
    """Return an action."""
    return Action(desk=DESK, run=run, verb=verb, who="ada", why="fixed")


def test_letters_are_open_until_a_note_closes_them() -> None:
    """Another group's letters and notes of nobody's queue change nothing."""
    journal = Journal()
    for one in ("a", "b", "c"):
        journal.letter(one)
    journal.letter("d", group="other")
    journal.note(closed(action(), ["b"], NOW))
    elsewhere = Action(
        desk=Desk(amqp_url="amqp://h", names=NAMES, group="other"),
        run="x",
        verb=Verb.DISCARD,
        who="eve",
    )
    journal.note(closed(elsewhere, ["a"], NOW))
    assert list(journal.ledger.open) == ["a", "c"]
    assert [entry.offset for entry in journal.ledger.open.values()] == [0, 2]
    assert journal.ledger.expected == 2


def test_a_letter_is_one_by_whichever_key_and_however_often_it_is_told() -> None:
    """Older workers' letters and the broker's own come by the group; a copy may come twice."""
    journal = Journal()
    for key in (NAMES.dead_key("default"), *[NAMES.history_key("default")] * 2):
        journal.told(key, "a")
    journal.told(NAMES.dead_key("other"), "b")
    journal.told(NAMES.history_key("other"), "c")
    assert list(journal.ledger.open) == ["a"]
    journal.note(closed(action(), ["a"], NOW))
    assert journal.ledger.expected == 0


def test_a_run_is_told_with_the_user_the_broker_knows() -> None:
    """Who, why, how many, how it ended; nobody can write another's name into `by`."""
    journal = Journal()
    journal.letter("a")
    journal.note(began(action(), 3, NOW), user="operator")
    journal.note(closed(action(), ["a"], NOW), user="operator")
    journal.note(ended(action(), End(outcome="done", done=1, kept={"why": 2}), NOW))
    (deed,) = journal.ledger.deeds.values()
    assert (deed.by, deed.who, deed.why, deed.meant, deed.done) == (
        "operator",
        "ada",
        "fixed",
        3,
        1,
    )
    assert (deed.outcome, deed.kept, deed.examples) == ("done", {"why": 2}, ("a",))


def test_what_an_unfinished_replay_sent_is_remembered_until_another_ends_it() -> None:
    """A clean end forgets at once; letters that could not be removed are kept in mind."""
    journal = Journal()
    for run in ("killed", "clean", "unclean"):
        journal.note(began(action(run), 1, NOW))
        journal.note(closed(action(run), [run], NOW))
    journal.note(ended(action("clean"), End(outcome="done"), NOW))
    journal.note(ended(action("unclean"), End(outcome="done", unremoved=1), NOW))
    assert journal.ledger.sent == {"killed": {"killed"}, "unclean": {"unclean"}}
    journal.note(ended(action("next"), End(outcome="done", finishes=("killed", "unclean")), NOW))
    assert journal.ledger.sent == {}


def test_what_began_before_another_action_was_interrupted() -> None:
    """One works at a time; what the killed one closed stays told, and a late end is believed."""
    journal = Journal()
    journal.note(began(action("killed"), 3, NOW))
    journal.note(closed(action("killed"), ["a", "b"], NOW))
    assert journal.ledger.deeds["killed"].told == "goes on"
    journal.note(began(action("next"), 1, NOW))
    killed, following = journal.ledger.deeds.values()
    assert (killed.outcome, killed.done, killed.ended) == ("interrupted", 2, None)
    assert (following.outcome, journal.ledger.going) == ("", "next")
    journal.note(ended(action("killed"), End(outcome="failed", done=3), NOW))
    assert journal.ledger.deeds["killed"].outcome == "failed"


def test_a_comparison_ends_what_was_interrupted() -> None:
    """It is made only while nobody acts, also where it moves nothing."""
    journal = Journal()
    journal.note(began(action("killed"), 1, NOW))
    for note in reconciled(action("look", Verb.RECONCILE), [], [], surplus=0, now=NOW):
        journal.note(note)
    (killed,) = journal.ledger.deeds.values()
    assert (killed.outcome, journal.ledger.going) == ("interrupted", None)


def test_a_comparison_that_moved_nothing_is_no_action() -> None:
    """A look that only learns how many copies there are is in no history; one that moved is."""
    journal = Journal()
    for note in reconciled(action("look", Verb.RECONCILE), [], [], surplus=2, now=NOW):
        journal.note(note)
    assert journal.ledger.deeds == {}
    assert journal.ledger.surplus == 2
    found = READER.summary(Delivery(b"{}", Properties(headers={h.ID: "z", h.ERROR_CODE: "x"})))
    gone = ["a", "b"]
    for note in reconciled(action("moved", Verb.RECONCILE), gone, [found], surplus=0, now=NOW):
        journal.note(note)
    (moved,) = journal.ledger.deeds.values()
    assert moved.told == "done, 2 gone from the queue, 1 found in it"
    assert (moved.done, moved.kept) == (2, {})


def test_who_steered_an_action_is_told() -> None:
    """Held by one, resumed by another, stopped by a third: the history has all of them."""
    journal = Journal()
    journal.note(began(action(), 9, NOW))
    journal.note(closed(action(), ["a"], NOW))
    journal.note(steered(action(), "paused", "bob", NOW))
    (held,) = journal.ledger.deeds.values()
    assert held.told == "paused by bob"
    assert "a replay of leveret.dead.default by ada goes on" in in_the_way(held)
    assert "1 of 9 done" in in_the_way(held)
    assert "bob paused it" in in_the_way(held)
    journal.note(steered(action(), "resumed", "bob", NOW))
    journal.note(steered(action(), "stopped", "eve", NOW))
    assert "paused" not in in_the_way(journal.ledger.deeds["run"])
    journal.note(ended(action(), End(outcome="stopped", done=1, kept={"why": 3}, gone=5), NOW))
    (over,) = journal.ledger.deeds.values()
    assert over.told == "stopped by eve, 5 gone already"
    assert [one.what for one in over.steered] == ["paused", "resumed", "stopped"]
    assert (over.gone, over.kept) == (5, {"why": 3})


def test_discards_leave_nothing_to_be_remembered() -> None:
    """A letter that a discard left behind is an open letter again."""
    journal = Journal()
    journal.note(began(action("d", Verb.DISCARD), 1, NOW))
    journal.note(closed(action("d", Verb.DISCARD), ["a"], NOW))
    assert journal.ledger.sent == {}


def test_a_comparison_with_the_queue_closes_and_opens() -> None:
    """What was found in the queue is open, though the journal has no body of it."""
    journal = Journal()
    journal.letter("a")
    found = READER.summary(Delivery(b"{}", Properties(headers={h.ID: "z", h.ERROR_CODE: "x"})))
    for note in reconciled(action(verb=Verb.RECONCILE), ["a"], [found], surplus=2, now=NOW):
        journal.note(note)
    assert list(journal.ledger.open) == ["z"]
    assert journal.ledger.open["z"].offset == NOWHERE
    assert journal.ledger.expected == 3


def test_a_letter_that_says_no_time_came_after_the_one_before_it() -> None:
    """The broker's own letters keep their place among the others."""
    journal = Journal()
    journal.letter("a", **{h.FAILED_AT: NOW.isoformat()})
    journal.letter("b")
    assert journal.ledger.open["b"].summary.failed_at == NOW.isoformat()


def test_nonsense_in_the_journal_is_no_note() -> None:
    """Neither a letter that calls itself a note, nor a note of another version, is believed."""
    note = closed(action(), ["a"], NOW)
    properties = Properties(type=note.type)
    for key, body in (
        ("default", note.body),
        (NAMES.journal_key, b"{"),
        (NAMES.journal_key, b'{"step": "closed"}'),
        (NAMES.journal_key, b'{"step": "new", "run": 1, "verb": 2, "queue": 3, "at": 4}'),
        (NAMES.journal_key, b"[]"),
    ):
        assert read_note(Delivery(body, properties, NAMES.dead, key), NAMES) is None
