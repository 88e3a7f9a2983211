"""Configurations with which a promise would not hold are refused, others only told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from messages import ProtocolModel
from topology import Found, GroupSpec, TopologySpec, design, parse_delays, plan
from topology.version import BrokerVersion
from workers import Context, Registry
from workers.doctor.finding import State
from workers.doctor.unsafe import checks, refuse, unsafe_differences, worst
from workers.settings import Settings, SettingsError

#: What a careful operator sets; the default is told of.
NARROW: dict[str, Any] = {"reply_to_allow": "agent://{user}/*"}


class Nothing(ProtocolModel):
    """Parameters."""


def registry(**limits: Any) -> Registry:
    """Return a registry with one task of these limits."""
    made = Registry()

    @made.task("slow", parameters=Nothing, **limits)
    async def slow(_nothing: Nothing, _context: Context) -> Nothing:
        return Nothing()

    return made


def test_the_usual_settings_are_safe() -> None:
    """Nothing is refused; told is only that everybody is answered."""
    refuse(Settings(), registry())
    (told,) = checks(Settings(), registry())
    assert (told.check, told.state) == ("reply_to_allow", State.NOTE)
    assert "{user}" in told.advice
    assert worst(checks(Settings(**NARROW), registry())) is State.OK
    assert checks(Settings(**NARROW), None) == ()


def test_a_processor_beyond_the_consumer_timeout_is_refused_by_name() -> None:
    """The broker would take the message away while it is worked on."""
    with pytest.raises(SettingsError, match=r"slow \(1800 s\).*at most 1740 s"):
        refuse(Settings(), registry(time_limit=1800))
    refuse(Settings(), registry(time_limit=1700))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"concurrency": 2, "time_limit": 20}, r"slow \(2,000 s\)"),
        ({"rate": 0.1}, r"slow \(2,000 s\)"),
        ({"concurrency": 200, "rate": 0.1}, r"slow \(2,000 s\)"),
        ({"concurrency": 2, "time_limit": 10}, ""),
        ({"rate": 1}, ""),
        ({}, ""),
    ],
)
def test_a_prefetch_that_waits_beyond_the_consumer_timeout_is_told(
    limits: dict[str, Any], told: str
) -> None:
    """The broker takes away what waits for its place or turn, too."""
    chosen = Settings(prefetch=200, **NARROW)
    found = checks(chosen, registry(**limits))
    assert [one.check for one in found] == (["prefetch"] if told else [])
    assert all(one.state is State.NOTE and re.search(told, one.told) for one in found)
    refuse(chosen, registry(**limits))


@pytest.mark.parametrize(
    ("settings", "check"),
    [
        ({"amqp_url": "amqp://u:p@broker.example/"}, "tls"),
        ({"http_host": "0.0.0.0"}, "http_host"),
        ({"retry_delays": "1s,2d"}, "retry_delays"),
    ],
)
def test_what_may_be_meant_is_told_and_not_refused(settings: dict[str, Any], check: str) -> None:
    """A person decides."""
    chosen = Settings(**settings, **NARROW)
    (found,) = checks(chosen, registry())
    assert (found.check, found.state) == (check, State.NOTE)
    assert found.advice
    refuse(chosen, registry())


@pytest.mark.parametrize(
    "url", ["amqps://u:p@broker.example/", "amqp://127.0.0.1/", "amqp://[::1]/", "amqp://localhost"]
)
def test_tls_and_the_loopback_need_no_word(url: str) -> None:
    """Nobody is in between."""
    assert checks(Settings(amqp_url=url, **NARROW), None) == ()


def test_more_retries_than_rungs_are_told() -> None:
    """They wait on the last rung."""
    (found,) = checks(Settings(**NARROW), registry(retries=9))
    assert (found.check, found.state) == ("retries", State.NOTE)


TOPOLOGY = design(
    TopologySpec(
        prefix="lev.test",
        groups=(GroupSpec(name="g"),),
        retry_delays=parse_delays("1s"),
        broker_version=BrokerVersion(3, 10, 8),
    )
)


@pytest.mark.parametrize(
    ("argument", "value", "unsafe"),
    [
        ("x-dead-letter-exchange", None, True),
        ("x-dead-letter-strategy", "at-most-once", True),
        ("x-overflow", "drop-head", True),
        ("x-delivery-limit", 2, True),
        ("x-delivery-limit", 10, False),
        ("x-delivery-limit", None, False),
        ("x-max-length-bytes", 5, False),
    ],
)
def test_a_queue_that_could_lose_a_message_is_told_from_one_of_another_size(
    argument: str,
    value: object,
    unsafe: bool,  # noqa: FBT001 - a table
) -> None:
    """Only what the promise rests on stops a worker."""
    queue = next(one for one in TOPOLOGY.queues if one.name.endswith("work.g"))
    found = {**queue.properties(), argument: value}
    made = plan(TOPOLOGY, Found(queues={queue.name: found}))  # type: ignore[dict-item] # None: none
    assert bool(unsafe_differences(made)) is unsafe
