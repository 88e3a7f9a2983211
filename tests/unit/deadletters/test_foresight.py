"""What is said of a letter before it is sent again, and what only its run can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson
import pytest

from examples import registry
from topology import Names
from workers import headers as h
from workers.cli.letter_pages import _foretold
from workers.cli.letters import UNJUDGED
from workers.deadletters import Foresight, Letter, Meant, Proposal, Reader, Shown, Standing, shape
from workers.outcome import Delivery, Properties
from workers.settings import Settings
from workers.testing import agent

READER: Final = Reader(Names(), "guest")
WORK: Final = "leveret.work.default"


def letter(task_type: str, code: str, **envelope: object) -> Letter:
    """Return a dead letter of a task."""
    body = {
        "message_type": "task_request",
        "source_agent": agent().model_dump(mode="json"),
        "payload": {
            "message_type": "task_request",
            "execution_context": {},
            "request": {
                "task_id": "5bc9d270-7724-4eb3-9fdd-36d4d3898a00",
                "task_type": task_type,
                "parameters": {},
            },
        },
    } | envelope
    headers = {h.ID: "a", h.ERROR_CODE: code, h.REPLAY_OF: "b"}
    return READER.letter(Delivery(orjson.dumps(body), Properties(headers=headers)))


def foresight(*, assumed: bool) -> Foresight:
    """Return what judges by the examples, because somebody said so or because nobody did."""
    return Foresight.of(Settings(), registry, user="guest", assumed=assumed)


def test_a_type_of_others_is_not_judged_by_the_examples_where_nobody_named_them() -> None:
    """They say nothing of what other workers take; where they are named, they do."""
    of_others = letter("train_model", "invalid_payload")
    assert foresight(assumed=True).letter(of_others, WORK) is None
    named = foresight(assumed=False).letter(of_others, WORK)
    assert named is not None
    assert named.error_code == "unknown_task_type"


def test_what_no_worker_would_take_is_judged_by_whoever_looks() -> None:
    """An envelope is one everywhere."""
    broken = letter("train_model", "invalid_envelope", ttl="soon")
    foreseen = foresight(assumed=True).letter(broken, WORK)
    assert foreseen is not None
    assert not foreseen.passes


@pytest.mark.parametrize("code", ["rejected", "processing_failed", "timeout"])
def test_what_the_processor_gave_up_is_not_announced_as_passing(code: str) -> None:
    """Its models take it, as they did before."""
    foreseen = foresight(assumed=True).letter(letter("echo", code), WORK)
    assert foreseen is not None
    assert (foreseen.passes, foreseen.undecided) == (True, True)


def test_a_letter_that_cannot_be_judged_says_how_it_can_be() -> None:
    """On its page."""
    one = letter("train_model", "invalid_payload")
    shown = Shown(
        letter=one,
        body=shape(one.body),
        foreseen=None,
        open=True,
        deeds=(),
        replayed=None,
        destination=WORK,
        editable=one.body,
        standing=Standing(open=1),
    )
    assert _foretold(shown) == f"cannot be judged: {UNJUDGED} (goes to {WORK})"


def test_a_proposal_counts_what_only_a_run_can_tell_by_itself() -> None:
    """It is neither what would pass nor what would fail."""
    meant = Meant(
        kinds=dict.fromkeys(map(str, range(10)), "f"),
        largest=1,
        groups=(),
        unknown=(),
        described="everything",
        standing=Standing(open=10),
    )
    proposal = Proposal(
        meant=meant,
        passing=frozenset(map(str, range(7))),
        undecided=3,
        unjudged=1,
        failing={"x": 3},
        queues={WORK: 7},
        canaries={},
    )
    assert proposal.told == "4 of 10 would now pass; of 3 more only a run can tell"
    none = replace(proposal, undecided=10, failing={})
    assert none.told == "10 letters: only a run can tell whether they pass"
    nothing = replace(proposal, meant=replace(meant, kinds={}), passing=frozenset(), undecided=0)
    assert nothing.told == "0 of 0 would now pass"
