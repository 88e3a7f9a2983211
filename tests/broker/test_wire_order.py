"""On the wire no message is acked before all that becomes of it is confirmed.

Seen from outside: a proxy between worker and broker notes each frame of both its lines.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from broker.worker import RUNGS, Asking, eventually, serving
from faults.proxy import Proxy
from faults.wirelog import Event, acked_too_early

from messages import ProtocolModel
from workers import Context, Registry, Reject
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.publication import Publication

#: Of each kind.
COUNT = 60


class Words(ProtocolModel):
    """Parameters of every task here."""

    failures: int = 0


def mixed() -> Registry:
    """Return processors that answer at once and late, fail for a time, for ever, and refuse."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    @registry.task("slow", parameters=Words)
    async def slow(words: Words, _context: Context) -> Words:
        await asyncio.sleep(0.02)
        return words

    @registry.task("flaky", parameters=Words)
    async def flaky(words: Words, context: Context) -> Words:
        if context.attempt <= words.failures:
            raise ConnectionError("again")
        return words

    @registry.task("reject", parameters=Words)
    async def reject(_words: Words, _context: Context) -> Words:
        raise Reject("no")

    return registry


def load(asking: Asking) -> list[Publication]:
    """Return messages of each kind, in turn."""
    messages = []
    for _ in range(COUNT):
        old = asking.task("echo", ttl=1)
        messages += [
            asking.task("slow"),
            # In turn, or the type would be braked as one that always fails.
            asking.task("flaky", parameters={"failures": 0}),
            asking.task("flaky", parameters={"failures": 1}),
            asking.task("reject"),
            asking.bytes(b"{", secrets.token_hex(8)),
            old._replace(body=_aged(old.body)),
        ]
    return messages


def _aged(body: bytes) -> bytes:
    """Return an envelope that was sent long ago."""
    year = body.index(b'"timestamp":"') + len(b'"timestamp":"')
    return body[:year] + b"2020" + body[year + 4 :]


def acked_with_something_unconfirmed(events: Iterable[Event]) -> list[str]:
    """Return the ids whose delivery was acked while a publish of theirs was under way."""
    held: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    sent: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    early: list[str] = []
    for event in events:
        line = (held if event.kind in {"deliver", "ack", "nack"} else sent)[event.line]
        if event.kind in {"deliver", "publish"}:
            line[event.tag] = event.id
            continue
        upto = [tag for tag in line if tag == event.tag or (event.multiple and tag < event.tag)]
        ended = [line.pop(tag) for tag in upto]
        if event.kind == "ack":
            under_way = {told for each in sent.values() for told in each.values()}
            early += [told for told in ended if told in under_way]
    return early


@pytest.mark.parametrize("delay", [0.0, 0.01])
async def test_no_ack_leaves_before_every_consequence_is_confirmed(
    amqp_url: str, delay: float
) -> None:
    """Answers, retries, dead letters and expiries mixed; the line as it is, and a slower one."""
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=5)
    async with Proxy(amqp_url) as proxy, Asking(amqp_url) as asking:
        proxy.delay = delay
        async with serving(proxy.url, mixed(), prefetch=50) as (service, metrics):
            messages = load(asking)
            for message in messages:
                asking.client.post(message, lambda _fate: None)
            told = {message.correlation_id or "" for message in messages}
            await eventually(lambda: told <= asking.answers.keys(), within=30)
            await eventually(lambda: metrics.in_flight == 0)
            service.link.intake.flush()
        log = tuple(proxy.log)
    acks = sum(event.kind == "ack" for event in log)
    kinds = ("replied", "dead_lettered", "expired")
    assert [metrics.ends(kind) for kind in kinds] == [3 * COUNT, 2 * COUNT, COUNT]
    assert metrics.ends("retried") >= COUNT
    assert acks
    assert acked_too_early(log) == []
    assert acked_with_something_unconfirmed(log) == []


def test_an_ack_before_its_answer_is_confirmed_would_be_found() -> None:
    """The look at the log can fail: the letter is confirmed, the answer is not."""
    log = [
        Event("deliver", (1, 1), 1, id="a"),
        Event("publish", (2, 1), 1, id="a"),
        Event("confirm", (2, 1), 1),
        Event("publish", (2, 1), 2, id="a"),
        Event("ack", (1, 1), 1),
    ]
    assert acked_with_something_unconfirmed(log) == ["a"]
    log[3:5] = [log[3], Event("confirm", (2, 1), 2), log[4]]
    assert acked_with_something_unconfirmed(log) == []
