"""Names, delays and versions: spelled as outsiders know them, refused where they would mislead."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from topology import BrokerVersion, Delay, NameRefused, Names, parse_delays

NAMES = Names("leveret")


def test_names_are_the_ones_outsiders_use() -> None:
    """Every name of the interface is spelled as it is written there."""
    assert NAMES.requests == "leveret.requests"
    assert NAMES.replies == "leveret.replies"
    assert NAMES.dead == "leveret.dead"
    assert NAMES.heartbeats == "leveret.heartbeats"
    assert NAMES.control == "leveret.control"
    assert NAMES.work("default") == "leveret.work.default"
    assert NAMES.urgent("default") == "leveret.work.default.urgent"
    assert NAMES.dead_queue("default") == "leveret.dead.default"
    assert NAMES.dead_key("default") == "default"
    assert NAMES.history_key("default") == "journal:default"
    assert NAMES.letter_keys("default") == {"default", "journal:default"}
    assert NAMES.journal == "leveret.dead.journal"
    assert NAMES.retry(Delay.parse("10m")) == "leveret.retry.10m"
    assert NAMES.mailbox_key("agent-7", "inbox") == "agent.agent-7.inbox"


def test_a_groups_queues_tell_whose_they_are() -> None:
    """All three of them, with dots in the group's name too; others are no group's."""
    for group in ("default", "a.b"):
        queues = NAMES.work(group), NAMES.urgent(group), NAMES.dead_queue(group)
        assert {NAMES.group_of(queue) for queue in queues} == {group}
    others = (
        NAMES.journal,
        NAMES.retry(Delay.parse("1s")),
        "leveret.work",
        "leveret.work.",
        "other",
    )
    assert {NAMES.group_of(queue) for queue in others} == {None}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (NAMES.request_key("document"), "document"),
        (NAMES.request_key("task_request", "echo"), "task_request.echo"),
        (NAMES.request_key("task_request", "echo", urgent=True), "task_request.echo.urgent"),
        (NAMES.request_key("document", urgent=True), "document.urgent"),
    ],
)
def test_request_key_says_type_task_and_urgency(key: str, expected: str) -> None:
    """A routing key is the message type, the task type if any, and `urgent` last."""
    assert key == expected


@pytest.mark.parametrize("word", ["", "a.b", "*", "#", "a b", "é", "x" * 101, "a\n"])
def test_request_key_refuses_what_is_no_word(word: str) -> None:
    """A type that would be routed as something else is refused with a reason."""
    with pytest.raises(NameRefused, match="word of a routing key"):
        NAMES.request_key(word)
    with pytest.raises(NameRefused, match="word of a routing key"):
        NAMES.request_key("task_request", word)


@pytest.mark.parametrize("name", ["", "a" * 61, "a b", "a/b", "a*", "#", "é", "a\n", "a'b"])
def test_bad_prefixes_and_groups_are_refused(name: str) -> None:
    """A prefix or group the broker would take otherwise than meant is refused."""
    with pytest.raises(NameRefused, match="prefix"):
        Names(name)
    with pytest.raises(NameRefused, match="group"):
        NAMES.work(name)


@pytest.mark.parametrize("prefix", ["amq", "amq.mine"])
def test_the_brokers_own_prefix_is_refused(prefix: str) -> None:
    """Names under `amq` belong to the broker."""
    with pytest.raises(NameRefused, match="belongs to the broker"):
        Names(prefix)


def test_groups_cannot_take_each_others_queues() -> None:
    """A group that would share the journal or another group's urgent queue is refused."""
    with pytest.raises(NameRefused, match="history"):
        NAMES.dead_queue("journal")
    with pytest.raises(NameRefused, match="share the urgent queue of 'a'"):
        NAMES.work("a.urgent")
    assert NAMES.work("urgent") == "leveret.work.urgent"


def test_the_longest_names_fit() -> None:
    """The longest prefix and group give names of at most 255 bytes; longer ids are refused."""
    longest = Names("p" * 60)
    assert len(longest.urgent("g" * 60)) <= 255
    assert len(longest.control_queue("r" * 128)) <= 255
    with pytest.raises(NameRefused, match="bytes long"):
        longest.mailbox("a" * 128, "m" * 100)


@pytest.mark.parametrize(
    "queue",
    [
        NAMES.work("x"),
        NAMES.urgent("x"),
        NAMES.dead_queue("x"),
        NAMES.journal,
        NAMES.retry(Delay.parse("1s")),
        NAMES.control_queue("replica-1"),
        NAMES.heartbeat_queue("console"),
        "leveret.of.a.later.version",
        "leveret",
    ],
)
def test_own_queues_are_known(queue: str) -> None:
    """Every queue under the prefix is the project's own and never answered."""
    assert NAMES.owns(queue)


@pytest.mark.parametrize(
    "queue", ["answers", "leverets", "leveret2.work.x", NAMES.mailbox("agent-7", "inbox"), ""]
)
def test_other_queues_are_not_owned(queue: str) -> None:
    """Queues of others and the mailboxes of askers may be answered."""
    assert not NAMES.owns(queue)


def test_mailboxes_of_two_addresses_never_share_a_key() -> None:
    """An agent id may have dots and a mailbox none, so the last word is always the mailbox."""
    assert NAMES.mailbox_key("a.b", "c") == "agent.a.b.c"
    with pytest.raises(NameRefused, match="mailbox"):
        NAMES.mailbox_key("a", "b.c")
    with pytest.raises(NameRefused, match="cannot be addressed"):
        NAMES.mailbox_key("a.*", "c")
    with pytest.raises(NameRefused, match="control queue"):
        NAMES.control_queue("a b")


@pytest.mark.parametrize(
    ("text", "written", "milliseconds"),
    [
        ("500ms", "500ms", 500),
        ("1s", "1s", 1_000),
        ("60s", "60s", 60_000),
        (" 010M ", "10m", 600_000),
        ("2h", "2h", 7_200_000),
        ("1d", "1d", 86_400_000),
    ],
)
def test_a_delay_is_kept_as_written(text: str, written: str, milliseconds: int) -> None:
    """A delay keeps its unit, since a queue is named after it, and knows its length."""
    delay = Delay.parse(text)
    assert (str(delay), delay.milliseconds) == (written, milliseconds)
    assert delay.seconds == milliseconds / 1000


@pytest.mark.parametrize(
    "text", ["", "10", "s", "1.5s", "-1s", "1w", "1s 2s", "٣s", "9" * 11 + "s"]
)
def test_what_is_no_delay_is_refused(text: str) -> None:
    """A text that is not a whole number and a unit is refused with an example."""
    with pytest.raises(NameRefused, match="such as 10s"):
        Delay.parse(text)


@pytest.mark.parametrize("text", ["0s", "50d", "4294967296ms"])
def test_a_delay_the_broker_cannot_wait_is_refused(text: str) -> None:
    """Nothing, and more than the broker's 32-bit milliseconds, are no delays."""
    with pytest.raises(NameRefused, match="cannot be waited for"):
        Delay.parse(text)


def test_a_unit_must_be_one() -> None:
    """A delay made from its parts is checked as one that is parsed."""
    with pytest.raises(NameRefused, match="no unit"):
        Delay(1, "w")


def test_a_ladder_climbs() -> None:
    """Rungs come back in order; equal, falling or no rungs are refused."""
    assert [str(delay) for delay in parse_delays("1s, 10s,60s,10m")] == ["1s", "10s", "60s", "10m"]
    for text in ("10s,1s", "60s,1m"):
        with pytest.raises(NameRefused, match="shortest first"):
            parse_delays(text)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.10.8", (3, 10, 8)),
        ("4.1.0-rc.2", (4, 1, 0)),
        ("3.13", (3, 13, 0)),
        ("4.0.5+dfsg", (4, 0, 5)),
    ],
)
def test_versions_are_read_as_the_broker_tells_them(
    text: str, version: tuple[int, int, int]
) -> None:
    """A version compares as numbers, whatever Debian or a release candidate adds."""
    assert BrokerVersion.parse(text) == version
    assert str(BrokerVersion.parse(text)) == ".".join(map(str, version))


def test_what_is_no_version_is_refused() -> None:
    """An unknown version is an error, as arguments would be guessed."""
    with pytest.raises(NameRefused, match=r"such as 4\.0\.5"):
        BrokerVersion.parse("unknown")


def test_names_are_frozen() -> None:
    """A prefix cannot change under the queues that were made with it."""
    with pytest.raises(FrozenInstanceError):
        NAMES.prefix = "other"  # type: ignore[misc] # the point of the test


def test_the_pure_part_leaves_the_client_out() -> None:
    """Importing the package does not load aio-pika, so that `leveret --help` is quick."""
    code = "import sys, topology; print({'aio_pika', 'aiormq', 'asyncio'} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert told.stdout.strip() == "set()"
