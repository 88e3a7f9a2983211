"""What a real worker writes: a line for each decision, with ids, and nothing of a body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest
from broker.processes import running
from broker.worker import Asking, eventually

from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from workers.publication import Publication

REGISTRY = "broker.telling:registry"
SECRET = "hunter2-9f31"
#: More than the lines of one kind that are written in a minute.
FLOOD = 200


@pytest.fixture
async def ground(amqp_url: str) -> str:
    """Return a broker's address with the topology in place."""
    await stand(Settings(amqp_url=amqp_url), patience=15)
    return amqp_url


def every_end(asking: Asking) -> dict[str, Publication]:
    """Return a message for each end, with the secret wherever a body has room for it."""
    good = asking.task("tell", parameters={"text": SECRET})
    unknown = orjson.loads(good.body) | {SECRET: SECRET, "envelope_id": str(uuid4())}
    bad = {
        "invalid_json": f'{{"{SECRET}": {SECRET}'.encode(),
        "invalid_envelope": orjson.dumps(unknown),
    }
    return {
        "replied": good,
        "processing_failed": asking.task("quote", parameters={"text": SECRET}),
        "rejected": asking.task("refuse", parameters={"text": SECRET}),
        "timeout": asking.task("wait", parameters={"text": SECRET}),
        "unknown_task_type": asking.task(SECRET, parameters={"text": SECRET}),
        "invalid_payload": asking.task("tell", parameters={"number": SECRET, "text": SECRET}),
        **{code: asking.bytes(body, str(uuid4())) for code, body in bad.items()},
    }


@pytest.mark.parametrize("form", ["json", "text"])
async def test_every_decision_is_a_line_with_ids_and_no_line_holds_a_body(
    ground: str, tmp_path: Path, form: str
) -> None:
    """At DEBUG, of our own lines and the libraries'; a processor that quotes bodies included."""
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        async with (
            Asking(ground) as asking,
            running(ground, REGISTRY, stderr=stderr, log_format=form, log_level="DEBUG") as worker,
        ):
            messages = every_end(asking)
            ids = {end: await asking.publish(message) for end, message in messages.items()}
            await eventually(lambda: all(asking.answers[one] for one in ids.values()), within=30)
            worker.terminate()
            assert await worker.wait() == 0
    text = log.read_text()
    assert SECRET not in text
    assert "quote" in text  # the trace of what raised, without its words
    for end, one in ids.items():
        mine = [line for line in text.splitlines() if one in line]
        assert any(end in line for line in mine), (end, mine)
    if form == "json":
        lines = [orjson.loads(line) for line in text.splitlines()]
        assert all({"timestamp", "level", "logger", "message", "worker"} <= set(x) for x in lines)
        failed = [x for x in lines if x.get("envelope_id") == ids["processing_failed"]]
        decisions = [x["outcome"] for x in failed if "outcome" in x]
        assert decisions == ["retried", "dead_lettered"]
        assert failed[-1]["error_code"] == "processing_failed"
        assert failed[-1]["letter_id"]


async def test_a_flood_of_bad_messages_is_a_few_lines_and_a_number(
    ground: str, tmp_path: Path
) -> None:
    """So many lines of a kind in a minute; the others are counted, not lost."""
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        async with (
            Asking(ground) as asking,
            running(ground, REGISTRY, stderr=stderr, log_format="json") as worker,
        ):
            for _ in range(FLOOD):
                asking.client.post(asking.bytes(b"{", str(uuid4())), lambda _: None)
            await eventually(lambda: len(asking.letters) == FLOOD, within=30)
            worker.terminate()
            assert await worker.wait() == 0
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    mine = [line for line in lines if line["logger"] == "leveret.outcome"]
    written = [line for line in mine if "letter_id" in line]
    assert 0 < len(written) <= 20
    told = [line for line in mine if "letter_id" not in line]
    assert [("left_out" in line, line["error_code"]) for line in told] == [
        (False, "invalid_json"),
        (True, "invalid_json"),
    ]
    assert len(written) + told[-1]["left_out"] == FLOOD
    assert all("json_invalid" in line["message"] for line in told)


async def test_one_message_can_be_followed_through_all_replicas(
    ground: str, tmp_path: Path
) -> None:
    """The lines of every attempt carry its id, and say which worker made it."""
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        async with (
            Asking(ground) as asking,
            running(
                ground, REGISTRY, "--processes", "2", stderr=stderr, log_format="json"
            ) as worker,
        ):
            ids = []
            async with asyncio.timeout(60):
                # The second replica may be a while behind the first.
                while len({line["worker"] for line in _about(log, ids)}) < 2:
                    ids.append(await asking.publish(asking.task("quote")))
                    await eventually(lambda: asking.answers[ids[-1]], within=30)
            worker.terminate()
            assert await worker.wait() == 0
    lines = _about(log, ids)
    for one in ids:
        mine = [line for line in lines if line["envelope_id"] == one]
        assert [(line["outcome"], line["attempt"]) for line in mine] == [
            ("retried", 1),
            ("dead_lettered", 2),
        ]


def _about(log: Path, ids: list[str]) -> list[dict[str, Any]]:
    """Return the whole lines about these messages."""
    read = [orjson.loads(line) for line in log.read_bytes().split(b"\n")[:-1]]
    return [line for line in read if line.get("envelope_id") in ids]


@pytest.mark.parametrize(("level", "libraries"), [("INFO", False), ("DEBUG", True)])
async def test_a_broker_that_is_not_there_yet_is_told_in_our_words_alone(
    tmp_path: Path,
    level: str,
    libraries: bool,  # noqa: FBT001 - a table
) -> None:
    """One line for each try, with what to do and no password; at DEBUG the library's own too."""
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        async with running(
            "amqp://worker:hunter2@127.0.0.1:1/",
            REGISTRY,
            stderr=stderr,
            log_format="json",
            log_level=level,
        ) as worker:
            await eventually(lambda: log.read_bytes().count(b"trying again in") >= 2)
            worker.terminate()
            await worker.wait()
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    loggers = {line["logger"] for line in lines}
    assert ("aiormq.connection" in loggers) is libraries
    assert loggers - {"aiormq.connection", "asyncio"} == {"leveret.topology"}
    tries = [line["message"] for line in lines if line["logger"] == "leveret.topology"]
    assert all("no broker answers" in line and "LEVERET_AMQP_URL" in line for line in tries)
    assert b"hunter2" not in log.read_bytes()
