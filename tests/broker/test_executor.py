"""Processors in processes of their own may die and be killed; their worker goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from broker.crunching import Number, registry
from broker.processes import running
from broker.worker import RUNGS, Asking, code, eventually, serving

from messages import Envelope, encode
from workers import headers
from workers.link.ground import stand
from workers.settings import Settings
from workers.testing import agent

if TYPE_CHECKING:
    from workers.outcome import Delivery
    from workers.publication import Publication


def told(letter: Delivery) -> dict[str, Any]:
    """Return the diagnosis of a dead letter."""
    diagnosis: dict[str, Any] = orjson.loads(str(letter.properties.headers[headers.ERROR]))
    return diagnosis


def details(answer: Delivery) -> dict[str, Any]:
    """Return the details of an error answer."""
    found: dict[str, Any] = orjson.loads(answer.body)["payload"]["error_details"]
    return found


def lines(ledger: Path) -> list[tuple[int, float]]:
    """Return the process ids and times in a ledger."""
    if not ledger.exists():
        return []
    rows = (line.split() for line in ledger.read_text().splitlines())
    return [(int(pid), float(at)) for pid, at in rows]


def lives(pid: int) -> bool:
    """Whether there is a process of this id that still runs; one of ours must be reaped, too."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" or int(parent) == os.getpid()


def deed(asking: Asking, what: str, **parameters: object) -> Publication:
    """Return a request for a deed."""
    return asking.task("deed", parameters={"what": what, **parameters})


@pytest.mark.parametrize(
    ("what", "how", "signal"),
    [("segfault", "killed by SIGSEGV", "SIGSEGV"), ("exit", "exit code 3", "")],
)
async def test_a_process_that_dies_is_named_and_replaced(
    amqp_url: str, tmp_path: Path, what: str, how: str, signal: str
) -> None:
    """Each attempt has a process of its own; letter and answer say how the last one ended."""
    ledger = tmp_path / "starts"
    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        beside = await asking.publish(deed(asking, "sleep", seconds=0.5))
        letter = await asking.letter(deed(asking, what, ledger=str(ledger)))
        correlation = letter.properties.correlation_id or ""
        await eventually(lambda: asking.answers[correlation] and asking.answers[beside])
        assert b"completed" in asking.answers[beside][0].body
        assert (await asking.answer(deed(asking, "answer")))["response"]["status"] == "completed"
    assert code(letter) == "processing_failed"
    assert letter.properties.headers[headers.ATTEMPTS] == 2
    diagnosis = told(letter)
    assert diagnosis["exception"] == how
    assert f"the process of deed {'was ' if signal else 'ended with '}{how}" in diagnosis["reason"]
    use = diagnosis["process"]
    assert use["signal"] == signal
    assert use["max_rss_bytes"] > 10_000_000
    assert use == details(asking.answers[correlation][0])["process"]
    first, second = (pid for pid, _ in lines(ledger))
    assert first != second
    assert not lives(first)
    assert not lives(second)


async def test_work_past_its_time_is_killed_and_its_use_told(amqp_url: str, tmp_path: Path) -> None:
    """A busy loop that never awaits is ended at its second; the letter says how busy it was."""
    ledger = tmp_path / "starts"
    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        letter = await asking.letter(deed(asking, "spin", ledger=str(ledger)))
        assert not any(lives(pid) for pid, _ in lines(ledger))
    assert code(letter) == "timeout"
    diagnosis = told(letter)
    assert diagnosis["exception"] == "TimeoutError"
    assert "the process of deed was killed" in diagnosis["reason"]
    use = diagnosis["process"]
    assert use["signal"] == "SIGKILL"
    assert 0.9 < use["seconds"] < 5
    assert 0.1 < use["user_seconds"] + use["system_seconds"] < 5
    # No upper bound: Linux hands a new process the peak of the one that made it.
    assert use["max_rss_bytes"] > 100_000_000


async def test_as_many_run_at_once_as_it_says_each_in_its_process(
    amqp_url: str, tmp_path: Path
) -> None:
    """Of four that hold their interpreters two run at a time, in the same two processes."""
    ledgers = [tmp_path / str(number) for number in range(4)]
    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        asked = [
            await asking.publish(
                asking.task(
                    "patient",
                    parameters={"what": "sleep", "ledger": str(ledger), "seconds": 0.4},
                )
            )
            for ledger in ledgers
        ]
        await eventually(lambda: all(asking.answers[one] for one in asked))
    runs = [lines(ledger) for ledger in ledgers]
    pids = {pid for run in runs for pid, _ in run}
    assert len(pids) == 2
    assert os.getpid() not in pids
    spans = [(run[0][1], run[1][1]) for run in runs]
    most = max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)
    assert most == 2
    assert not any(map(lives, pids))


async def test_a_drain_gives_the_work_back_and_leaves_no_process(
    amqp_url: str, tmp_path: Path
) -> None:
    """What a drain cuts off is no failure: another worker does it, nothing is dead-lettered."""
    ledger = tmp_path / "starts"
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
    async with Asking(amqp_url) as asking:
        async with serving(amqp_url, registry, drain_grace=0.1):
            parameters = {"what": "answer", "ledger": str(ledger), "seconds": 50}
            asked = await asking.publish(asking.task("patient", parameters=parameters))
            await eventually(lambda: lines(ledger))
        (begun,) = lines(ledger)
        assert not lives(begun[0])
        assert not asking.answers[asked]
        async with serving(amqp_url, registry):
            await eventually(lambda: asking.answers[asked])
        assert b"completed" in asking.answers[asked][0].body
        assert not any(asking.letters.values())


async def test_a_worker_that_is_killed_leaves_no_process(amqp_url: str, tmp_path: Path) -> None:
    """A killed worker ends a child in the middle of its work, and one that has none."""
    busy, idle = tmp_path / "busy", tmp_path / "idle"
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
    async with (
        Asking(amqp_url) as asking,
        running(amqp_url, "broker.crunching:registry", state_dir=tmp_path) as worker,
    ):
        await asking.answer(deed(asking, "answer", ledger=str(idle)))
        parameters = {"what": "sleep", "ledger": str(busy), "seconds": 50}
        await asking.publish(asking.task("patient", parameters=parameters))
        await eventually(lambda: lines(busy))
        pids = [lines(busy)[0][0], lines(idle)[0][0]]
        assert all(map(lives, pids))
        worker.kill()
        await worker.wait()
        await eventually(lambda: not any(map(lives, pids)))


async def test_what_a_process_has_started_ends_with_it(amqp_url: str, tmp_path: Path) -> None:
    """A program that a processor started does not outlive the processor's process."""
    ledger = tmp_path / "starts"
    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        letter = await asking.letter(deed(asking, "start", ledger=str(ledger)))
        assert told(letter)["process"]["signal"] == "SIGABRT"
        assert len(lines(ledger)) == 4
        await eventually(lambda: not any(lives(pid) for pid, _ in lines(ledger)))


async def test_what_it_raises_means_the_same_as_in_the_worker(amqp_url: str) -> None:
    """Reject, Retry and the classes of a RetryPolicy count; an exception's text stays there."""
    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        rejected = await asking.letter(deed(asking, "reject"))
        assert code(rejected) == "rejected"
        assert "not like this" in told(rejected)["reason"]
        never = await asking.letter(deed(asking, "never"))
        assert never.properties.headers[headers.ATTEMPTS] == 1
        assert told(never)["exception"] == "Hopeless"
        again = await asking.answer(deed(asking, "retry"))
        assert again["response"]["result_data"]["attempt"] == 2
        raised = await asking.letter(deed(asking, "raise"))
        assert raised.properties.headers[headers.ATTEMPTS] == 2
        assert "ValueError in _do (broker.crunching" in told(raised)["reason"]
        assert "4711" not in str(raised.properties.headers)
        assert told(raised)["process"]["max_rss_bytes"] > 0
        left = await asking.letter(deed(asking, "leave"))
        assert told(left)["exception"] == "SystemExit"


async def test_it_is_told_who_asks_and_answers_with_payloads_too(amqp_url: str) -> None:
    """The context's facts arrive in the process, and a payload that it returns is the answer."""
    async with serving(amqp_url, registry) as (service, _), Asking(amqp_url) as asking:
        request = deed(asking, "answer")
        coloured = request._replace(headers={"colour": "brown"})
        answer = await asking.answer(coloured)
        seen = answer["response"]["result_data"]
        assert seen["envelope"] == request.correlation_id
        assert seen["sender"] == "asker"
        assert seen["header"] == "brown"
        assert seen["attempt"] == 1
        assert seen["parent"] == os.getpid() != seen["pid"]
        assert seen["worker"] == service._settings.agent_id
        assert seen["remaining"] is None
        number = Envelope(
            message_type="number",
            payload=Number(value=21),
            source_agent=agent("asker"),
            reply_to=asking.client.reply_to,
        )
        doubled = asking.bytes(encode(number), str(number.envelope_id))
        assert (await asking.answer(doubled))["value"] == 42
