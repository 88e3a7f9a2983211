"""The sample load: what is in it, and that each sample ends as it says."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import assert_never

import pytest

from examples import registry
from examples.load import End, Expected, Sample, Sender, sample_load
from messages import SHIPPED_PAYLOADS
from topology import Names
from workers import headers
from workers.outcome import DeadLettered, Delivery, Expired, Outcome, Replied, Requeued, Retried
from workers.testing import USER, Rehearsal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENDER = Sender(now=NOW)
ALL = tuple(sample_load(60, seed=1, sender=SENDER))
ONE_OF_EACH = tuple({sample.kind: sample for sample in ALL}.values())


def rehearsal() -> Rehearsal:
    """Return a worker that gets the samples at the moment they are sent."""
    return Rehearsal(registry, now=lambda: NOW)


async def end_of(sample: Sample) -> tuple[Outcome, int]:
    """Return the end a sample comes to and how many retries it took, copies redelivered at once."""
    worker = rehearsal()
    outcome = await worker.bytes(sample.body, sample.properties)
    retries = 0
    while isinstance(outcome, Retried):
        retries += 1
        ours = {headers.ATTEMPTS: outcome.attempt}
        properties = sample.properties._replace(user_id=USER, headers=ours)
        outcome = await worker.delivery(Delivery(sample.body, properties))
    return outcome, retries


def told(outcome: Outcome, retries: int) -> Expected:
    """Return an outcome in the words of the load."""
    match outcome:
        case Replied(answer=answer):
            end, code = End.REPLIED, ""
        case DeadLettered(failure=failure, answer=answer):
            end, code = End.DEAD_LETTERED, failure.code.value
        case Expired(failure=failure, answer=answer):
            end, code = End.EXPIRED, failure.code.value
        case Retried() | Requeued():
            raise AssertionError("that is no end")
        case never:
            assert_never(never)
    answered = "" if answer is None else answer.message_type
    return Expected(end=end, error_code=code, retries=retries, answer=answered)


@pytest.mark.parametrize("sample", ONE_OF_EACH, ids=lambda sample: sample.kind)
async def test_each_kind_ends_as_expected(sample: Sample) -> None:
    """The end, its error code, the retries and the answer of each kind are as written."""
    outcome, retries = await end_of(sample)
    assert told(outcome, retries) == sample.expected
    if not isinstance(outcome, Retried | Requeued) and outcome.answer is not None:
        assert outcome.answer.correlation_id == sample.id


async def test_a_whole_load_ends_as_expected() -> None:
    """The samples of a usual load end as written, whichever seed they were drawn with."""
    samples = [s for s in sample_load(seed=5, sender=SENDER) if s.task_type != "data_processing"]
    ends = await asyncio.gather(*map(end_of, samples))
    wrong = [
        (sample.kind, sample.expected, end)
        for sample, (outcome, retries) in zip(samples, ends, strict=True)
        if (end := told(outcome, retries)) != sample.expected
    ]
    assert not wrong


def test_the_usual_load_is_240_samples_with_ids_of_their_own() -> None:
    """Books can be kept by id."""
    samples = tuple(sample_load())
    assert len(samples) == 240
    assert len({sample.id for sample in samples}) == 240
    assert all(sample.properties.correlation_id == sample.id for sample in samples)


def test_every_type_and_every_kind_is_in_it() -> None:
    """Every shipped message type, every example task and an urgent one are in a usual load."""
    samples = tuple(sample_load())
    messages = {sample.message_type for sample in samples if sample.expected.end is End.REPLIED}
    tasks = {sample.task_type for sample in samples if sample.expected.end is End.REPLIED}
    assert messages >= {payload.message_type_name() for payload in SHIPPED_PAYLOADS}
    assert tasks >= set(registry.task_types)
    assert any(sample.urgent for sample in samples)
    assert Counter(sample.kind for sample in samples)["too_large"] == 1


def test_bad_messages_of_many_kinds_are_in_it() -> None:
    """The load ends in these error codes at least."""
    codes = {sample.expected.error_code for sample in sample_load()}
    assert codes >= {
        "invalid_json",
        "invalid_envelope",
        "invalid_payload",
        "unknown_message_type",
        "unknown_task_type",
        "unsupported_version",
        "reply_to_not_allowed",
        "address_mismatch",
        "unsupported_encoding",
        "message_too_large",
        "expired",
        "rejected",
    }


def test_the_same_seed_gives_the_same_load() -> None:
    """A load can be published again; another seed gives other ids."""
    assert tuple(sample_load(60, seed=1, sender=SENDER)) == ALL
    other = {sample.id for sample in sample_load(60, seed=2, sender=SENDER)}
    assert other.isdisjoint(sample.id for sample in ALL)


@pytest.mark.parametrize("count", [0, 1, 10, 500])
def test_a_load_has_as_many_samples_as_asked_for(count: int) -> None:
    """Small loads begin with the good kinds, and large ones go on by weight."""
    samples = tuple(sample_load(count, sender=SENDER))
    assert len(samples) == count
    if count <= 10:
        assert all(sample.expected.end is End.REPLIED for sample in samples)


def test_every_sample_can_be_routed() -> None:
    """A routing key can be made of each, the urgent ones with their own ending."""
    for sample in sample_load():
        key = Names().request_key(sample.message_type, sample.task_type, urgent=sample.urgent)
        assert key.endswith(".urgent") == sample.urgent


def test_a_sender_is_written_into_its_samples() -> None:
    """Reply address, prefix and size limit are those of the sender."""
    sender = Sender(reply_to="agent://me/box", prefix="mine", max_body_bytes=5_000, now=NOW)
    samples = {sample.kind: sample for sample in sample_load(60, sender=sender)}
    assert json.loads(samples["echo"].body)["reply_to"] == "agent://me/box"
    assert json.loads(samples["forbidden_reply_to"].body)["reply_to"] == "mine.work.default"
    assert 5_000 < len(samples["too_large"].body) < 6_000
