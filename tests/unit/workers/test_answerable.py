"""Who may be answered: what the settings let in, and with `{user}` nobody but the sender itself."""

from __future__ import annotations

import pytest
from writing import task, written

from messages import ErrorCode, InvalidMessage, ProtocolModel
from topology import Names
from workers import Context, Registry, headers
from workers.answering.asking import Answerable
from workers.outcome import DeadLettered, Properties, Replied, Retried
from workers.testing import USER, Rehearsal

OWN = ("agent://{user}/*", "answers-{user}-*")
ALICE = "agent://alice/box"
DIRECT = "amq.rabbitmq.reply-to.g1h2AA1yZXBseUA4OTQxMDEAAA.cDEyMzQ1Ng=="


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


def asking(task_type: str) -> bytes:
    """Return a task whose answer is to go to Alice."""
    return written(task(task_type=task_type, parameters={}) | {"reply_to": ALICE})


@pytest.fixture
def rehearsal() -> Rehearsal:
    """Return a worker that answers nobody but whoever asks."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    @registry.task("flaky", parameters=Words)
    async def flaky(_words: Words, _context: Context) -> Words:
        raise ConnectionError("try again")

    return Rehearsal(registry, reply_to_allow=OWN)


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("alice", "agent://alice/answers-1"),
        ("alice", "answers-alice-1"),
        ("a.b", "agent://a.b/box"),
    ],
)
def test_a_sender_is_answered_at_its_own_addresses(sender: str, address: str) -> None:
    """Whatever follows its name."""
    assert Answerable(OWN, Names()).of(sender).check(address).text == address


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("alice", "agent://bob/answers"),
        ("alice", "agent://alice.b/answers"),
        ("alice", "payroll"),
        ("alice", DIRECT),
        ("*", "agent://bob/answers"),
        ("[a-z]ob", "agent://bob/answers"),
        (None, "agent://alice/answers"),
        (None, "agent:///answers"),
        (None, "answers--1"),
    ],
)
def test_a_sender_is_answered_nowhere_else(sender: str | None, address: str) -> None:
    """Not at another's address, not by a name that is a pattern, and not without a name."""
    with pytest.raises(InvalidMessage) as refused:
        Answerable(OWN, Names()).of(sender).check(address)
    assert refused.value.code is ErrorCode.REPLY_TO_NOT_ALLOWED


def test_without_the_sender_in_it_all_are_treated_alike() -> None:
    """One list for everybody, found without a look at who asks."""
    answerable = Answerable(("agent://*",), Names())
    assert answerable.of("alice") is answerable.of(None) is answerable
    assert Answerable((*OWN, "amq.rabbitmq.reply-to.*"), Names()).of(None).check(DIRECT).direct


async def test_an_answer_cannot_be_sent_to_another(rehearsal: Rehearsal) -> None:
    """A forged address, in body or property, is a dead letter that nobody is told of."""
    for properties, body in (
        (Properties(user_id="mallory"), asking("echo")),
        (Properties(user_id="mallory", reply_to=ALICE), written(task())),
        (Properties(), asking("echo")),
    ):
        outcome = await rehearsal.bytes(body, properties)
        assert isinstance(outcome, DeadLettered)
        assert outcome.failure.code is ErrorCode.REPLY_TO_NOT_ALLOWED
        assert outcome.answer is None
    own = await rehearsal.bytes(asking("echo"), Properties(user_id="alice"))
    assert isinstance(own, Replied)
    assert own.answer is not None


async def test_a_copy_of_ours_is_answered_for_its_first_sender(rehearsal: Rehearsal) -> None:
    """A second attempt carries our own user; who asked stands in our header."""
    body = asking("flaky")
    copy = {headers.ATTEMPTS: 1, headers.FIRST_SEEN: "2026-01-01T00:00:00+00:00"}
    again = await rehearsal.bytes(
        body, Properties(user_id=USER, headers=copy | {headers.USER_ID: "alice"})
    )
    assert isinstance(again, Retried)
    for lied in (copy, copy | {headers.USER_ID: "mallory"}):
        outcome = await rehearsal.bytes(body, Properties(user_id=USER, headers=lied))
        assert isinstance(outcome, DeadLettered)
        assert outcome.failure.code is ErrorCode.REPLY_TO_NOT_ALLOWED
