"""What each version of the broker is known to do, and when it bites."""

from __future__ import annotations

from dataclasses import replace

import pytest

from topology import BrokerVersion, Names
from topology.traps import Circumstances, traps

HERE = Circumstances(
    names=Names("lev.test"),
    groups=("g",),
    max_body_bytes=2**20,
    max_answer_bytes=2**20,
    time_limit=60.0,
)
VERSIONS = [BrokerVersion(*v) for v in [(3, 10, 8), (3, 13), (4, 0, 5), (4, 2), (4, 3)]]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_nothing_bites_with_the_usual_settings(version: BrokerVersion) -> None:
    """Every supported version is told about, and each trap has its advice and a name of its own."""
    found = traps(version, HERE)
    assert found
    assert not any(trap.bites for trap in found)
    assert all(trap.what and trap.advice for trap in found)
    assert len({trap.name for trap in found}) == len(found)


def names(version: BrokerVersion) -> set[str]:
    """Return the names of the traps."""
    return {trap.name for trap in traps(version, HERE)}


def test_each_major_version_has_its_own_traps() -> None:
    """What is true of 3.x is not said of 4.x."""
    three, four, later = names(VERSIONS[0]), names(VERSIONS[2]), names(VERSIONS[4])
    assert {"forged_x_death", "upgrade_to_4", "unlimited_is_no_number"} <= three
    assert not {"forged_x_death", "upgrade_to_4", "unlimited_is_no_number"} & four
    assert "requeue_counts" in four - later
    assert "reject_counts" in later - four
    assert "basic.cancel" in str(traps(VERSIONS[4], HERE))


def test_dead_letter_queues_are_named_where_they_are_in_danger() -> None:
    """An operator needs the name, not the idea."""
    for version in VERSIONS:
        assert "lev.test.dead.g" in str(traps(version, HERE))


def test_an_old_broker_a_large_body_and_a_long_limit_bite_and_come_first() -> None:
    """What must be mended is read first."""
    old = traps(BrokerVersion(3, 8), HERE)
    assert [trap.name for trap in old if trap.bites] == ["too_old"]
    assert old[0].bites
    large = replace(HERE, max_body_bytes=20 * 2**20, max_answer_bytes=17 * 2**20, time_limit=3600.0)
    found = {trap.name for trap in traps(BrokerVersion(4, 0), large) if trap.bites}
    assert found == {"message_size", "answer_size", "consumer_timeout"}
    assert not {trap.name for trap in traps(BrokerVersion(3, 13), large) if trap.bites} & {
        "message_size",
        "answer_size",
    }
