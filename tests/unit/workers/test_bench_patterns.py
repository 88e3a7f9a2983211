"""The benchmark measures what it says, and says plainly where a claim does not hold."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import orjson
import pytest

from messages import SHIPPED_PAYLOADS, Catalog, Envelope
from workers.bench.mirrors import bodies
from workers.bench.patterns import Gain, Measured, Results, patterns
from workers.bench.report import markdown
from workers.cli.bench import patterns as command

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_every_pattern_reads_the_same_message() -> None:
    """All of it, as far as its types go."""
    raw = bodies(3, different=3)
    catalog = Catalog(SHIPPED_PAYLOADS)
    for pattern in patterns():
        made = pattern.work(raw)
        assert len(made) == 3
        for body, one in zip(raw, made, strict=True):
            expected = catalog.decode(body)
            if isinstance(one, Envelope) and pattern.name != "model_construct":
                assert one == expected
            payload = one["payload"] if isinstance(one, dict) else one.payload
            request = payload["request"] if isinstance(payload, dict) else payload.request
            parameters = request["parameters"] if isinstance(request, dict) else request.parameters
            assert parameters == expected.payload.request.parameters


def test_messages_are_of_the_size_they_are_said_to_be() -> None:
    """About 600 bytes, each another one where that matters."""
    raw = bodies(50, different=50)
    assert len(set(raw)) == 50
    assert all(550 < len(body) < 750 for body in raw)
    assert len(set(bodies(50, different=5))) == 5


def test_a_claim_that_does_not_hold_is_named() -> None:
    """In the table and in a sentence."""
    slow = Measured("cached", 40_000.0, 25.0, 1.0, "repeats", 45_000)
    told = markdown(Results((slow,), Gain(25.0), 10, 1))
    assert "| cached | 40,000 | 25.0 | 1.0 | 45,000 | no | repeats |" in told
    assert "40,000 were measured: the claim does not hold here" in told
    assert "25 % less time was measured: the claim holds here" in told


@pytest.fixture
def frozen() -> Iterator[None]:
    """Spare the collector what the other tests left: each measurement collects before it begins."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
def test_the_command_prints_a_line_for_each_pattern(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """With --json, and one for the strings."""
    assert command(messages=20, rounds=1, json=True) == 0
    lines = [orjson.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    names = [line["pattern"] for line in lines]
    assert names[:5] == [
        "full models",
        "TypedDict with adapter",
        "model_construct",
        "cached validation",
        "batch",
    ]
    assert names[-1] == "string caching"
    assert all(line["messages_per_second"] > 0 for line in lines[:-1])
