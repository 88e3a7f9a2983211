"""What becomes of a task for each of the example processors."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from unit.examples.endings import reason_of, result_of

from examples.flaky import drawn
from examples.plain_client import question
from examples.sample import written
from examples.shelf import DIRECTORY, find
from examples.waiting import content_of
from messages import ErrorCode
from workers import headers
from workers.outcome import DeadLettered, Delivery, Properties, Replied, Retried
from workers.testing import MAILBOX, USER, Rehearsal

if TYPE_CHECKING:
    from workers.outcome import Outcome

TEXT = "The hare ran. The hare's brother-in-law didn't run: it waited! Did the hare win?"


async def test_echo_gives_its_parameters_back_unchanged(rehearsal: Rehearsal) -> None:
    """Every JSON value comes back from echo as it went in, white space included."""
    parameters = {
        "text": "  hi ",
        "n": 1,
        "x": 1.0,
        "none": None,
        "deep": [{"a": [True, "ü"]}],
        "": 0,
    }
    assert result_of(await rehearsal.task("echo", parameters)) == parameters
    assert result_of(await rehearsal.task("echo", {})) == {}


async def test_echo_keeps_names_that_models_use(rehearsal: Rehearsal) -> None:
    """A parameter may be called like an attribute of the model it travels in."""
    parameters = {"root": 1, "model_fields": 2, "__class__": "x", "self": 3}
    assert result_of(await rehearsal.task("echo", parameters)) == parameters


async def again(rehearsal: Rehearsal, body: bytes, before: Outcome) -> Outcome:
    """Return what becomes of the retry copy of a message whose last attempt failed."""
    assert isinstance(before, Retried), before
    properties = Properties(
        user_id=USER, headers={headers.ATTEMPTS: before.attempt}, reply_to=MAILBOX
    )
    return await rehearsal.delivery(Delivery(body, properties))


async def test_flaky_fails_as_often_as_told_then_echoes(rehearsal: Rehearsal) -> None:
    """With failures=2 the first two attempts are retried and the third answers the parameters."""
    parameters: dict[str, object] = {"failures": 2, "note": "x"}
    body = written(question("flaky", parameters))
    first = await rehearsal.bytes(body, Properties(reply_to=MAILBOX))
    second = await again(rehearsal, body, first)
    third = await again(rehearsal, body, second)
    assert isinstance(first, Retried)
    assert first.failure.exception == "ServiceDownError"
    assert isinstance(second, Retried)
    assert second.attempt == 2
    assert result_of(third) == parameters


async def test_flaky_without_failures_succeeds_at_once(rehearsal: Rehearsal) -> None:
    """With failures=0 nothing is retried."""
    assert result_of(await rehearsal.task("flaky", {"failures": 0})) == {"failures": 0}


@pytest.mark.parametrize("failures", ["1", -1, 1.5, True])
async def test_flaky_refuses_a_count_that_is_none(rehearsal: Rehearsal, failures: object) -> None:
    """A number of failures that is no whole number from 0 on is a misfit, not a retry."""
    outcome = await rehearsal.task("flaky", {"failures": failures})
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code is ErrorCode.INVALID_PAYLOAD


async def test_unreliable_follows_its_die(rehearsal: Rehearsal) -> None:
    """An attempt that draws less than the probability asks for another one; any other answers."""
    number = drawn(7, 1)
    good = await rehearsal.task("unreliable", {"probability": number, "seed": 7})
    bad = await rehearsal.task("unreliable", {"probability": number + 0.001, "seed": 7})
    assert result_of(good) == {"attempts": 1, "drawn": number}
    assert isinstance(bad, Retried)
    assert bad.failure.exception == "Retry"
    assert bad.delay.seconds == 1


async def test_data_processing_answers_with_the_planted_groups(rehearsal: Rehearsal) -> None:
    """The four kinds of customers are told by their sizes and centres."""
    parameters = {"dataset": "customers.csv", "algorithm": "kmeans", "clusters": 4}
    result = result_of(await rehearsal.task("data_processing", parameters))
    assert result["columns"] == ["orders_per_year", "basket_eur", "days_since_last"]
    assert [group["size"] for group in result["clusters"]] == [160, 110, 150, 180]
    browsers = result["clusters"][0]["centroid"]
    assert browsers == pytest.approx([6, 31, 118], abs=2)
    assert result["rows"] == 600
    assert result["converged"]


async def test_data_processing_takes_the_columns_it_is_told(rehearsal: Rehearsal) -> None:
    """Only the columns asked for take part."""
    parameters = {"dataset": "points.csv", "algorithm": "kmeans", "clusters": 1, "columns": ["y"]}
    result = result_of(await rehearsal.task("data_processing", parameters))
    assert result["columns"] == ["y"]
    assert len(result["clusters"][0]["centroid"]) == 1


@pytest.mark.parametrize(
    ("changed", "helpful"),
    [
        ({"dataset": "weather.csv"}, "customers.csv"),
        ({"dataset": "../clustering.py"}, "customers.csv"),
        ({"algorithm": "dbscan"}, "kmeans"),
        ({"columns": ["segment"]}, "basket_eur"),
        ({"dataset": "hares.txt"}, "columns"),
        ({"clusters": 50, "starts": 20, "dataset": "more.csv"}, "customers.csv"),
    ],
)
async def test_data_processing_rejects_what_it_does_not_have(
    rehearsal: Rehearsal, changed: dict[str, object], helpful: str
) -> None:
    """An unknown table, algorithm or column is rejected, and the reason names the known."""
    parameters = {"dataset": "customers.csv", "algorithm": "kmeans"} | changed
    outcome = await rehearsal.task("data_processing", parameters)
    assert helpful in reason_of(outcome)


@pytest.mark.parametrize(("rows", "helpful"), [(1_001, "ask for less"), (49, "as many rows")])
async def test_data_processing_rejects_what_it_could_not_do(
    rehearsal: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, helpful: str
) -> None:  # fmt: skip
    """Too much work for one task, and more clusters than rows, are rejected before the work."""
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    (tmp_path / "own.csv").write_text("x\n" + "1\n" * rows)
    parameters = {"dataset": "own.csv", "algorithm": "kmeans", "clusters": 50, "starts": 20}
    assert helpful in reason_of(await rehearsal.task("data_processing", parameters))


async def test_word_statistics_counts_what_a_reader_counts(rehearsal: Rehearsal) -> None:
    """Words with apostrophes and hyphens are one each, and case does not matter."""
    result = result_of(await rehearsal.task("word_statistics", {"text": TEXT, "top": 2}))
    assert result["words"] == 14
    assert result["sentences"] == 3
    assert result["most_common"] == [{"word": "the", "count": 3}, {"word": "hare", "count": 2}]
    assert result["longest"][0] == "brother-in-law"
    assert result["reading_seconds"] == 3.8


async def test_word_statistics_of_nothing_is_nothing(rehearsal: Rehearsal) -> None:
    """An empty text has no words and takes no time."""
    result = result_of(await rehearsal.task("word_statistics", {"text": ""}))
    assert (result["words"], result["mean_word_length"], result["reading_seconds"]) == (0, 0, 0)


async def test_hash_file_agrees_with_hashlib(rehearsal: Rehearsal) -> None:
    """The hash and size are those of the shipped file."""
    result = result_of(await rehearsal.task("hash_file", {"name": "hares.txt"}))
    content = find("hares.txt").read_bytes()
    assert result["sha256"] == hashlib.sha256(content).hexdigest()
    assert result["size"] == len(content)


async def test_hash_file_rejects_other_files(rehearsal: Rehearsal) -> None:
    """A file that is not shipped is not read, and its name is not repeated."""
    reason = reason_of(await rehearsal.task("hash_file", {"name": "/etc/passwd"}))
    assert "passwd" not in reason
    assert "hares.txt" in reason


@pytest.mark.parametrize(("below", "primes"), [(0, 0), (2, 0), (3, 1), (100, 25), (100_000, 9_592)])
async def test_count_primes_counts(rehearsal: Rehearsal, below: int, primes: int) -> None:
    """The counts are the known ones."""
    result = result_of(await rehearsal.task("count_primes", {"below": below}))
    assert result == {"below": below, "primes": primes}


@pytest.mark.parametrize("seconds", [0, 0.01])
async def test_fetch_local_receives_all_that_is_sent(rehearsal: Rehearsal, seconds: float) -> None:
    """What comes over the connection is what the peer sent, however it was cut."""
    parameters = {"size": 1_000, "pieces": 7, "seconds": seconds}
    result = result_of(await rehearsal.task("fetch_local", parameters))
    assert result["size"] == 1_000
    assert result["sha256"] == hashlib.sha256(content_of(1_000)).hexdigest()
    assert result["seconds"] >= seconds


async def test_fetch_local_waits_beside_others(rehearsal: Rehearsal) -> None:
    """A hundred tasks that wait take far less time than one after the other."""
    started = asyncio.get_running_loop().time()
    parameters = {"size": 10, "pieces": 1, "seconds": 0.1}
    outcomes = await asyncio.gather(
        *(rehearsal.task("fetch_local", parameters) for _ in range(100))
    )
    assert all(isinstance(outcome, Replied) for outcome in outcomes)
    assert asyncio.get_running_loop().time() - started < 5.0


async def test_fetch_local_hangs_up_with_its_attempt(rehearsal: Rehearsal) -> None:
    """When the deadline ends the waiting, the peer's half is over too and nothing runs on."""
    soon = datetime.now(UTC) + timedelta(seconds=0.05)
    parameters = {"size": 10, "pieces": 1, "seconds": 30}
    async with asyncio.timeout(5):
        outcome = await rehearsal.task("fetch_local", parameters, deadline=soon)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code is ErrorCode.TIMEOUT
