"""An effect once for each sender and id, on a real broker, whatever dies."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
from broker.processes import running
from broker.worker import RUNGS, Asking, code, eventually, serving

from messages import ProtocolModel
from workers import Context, Registry, headers
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from workers.publication import Publication


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


def counting() -> tuple[Registry, list[str]]:
    """Return a processor and the effects it had."""
    registry, effects = Registry(), list[str]()

    @registry.task("count", parameters=Words)
    async def count(words: Words, _context: Context) -> Words:
        effects.append(words.text)
        await asyncio.sleep(0.05)
        return Words(text=f"{words.text} {len(effects)}")

    return registry, effects


def changed(publication: Publication, **request: Any) -> Publication:
    """Return the same message with other parameters under the same id."""
    document = orjson.loads(publication.body)
    document["payload"]["request"].update(request)
    return publication._replace(body=orjson.dumps(document))


async def test_duplicates_have_one_effect_and_the_same_answer(
    amqp_url: str,
    tmp_path: Path,
) -> None:
    """Three copies of a message, two of them at once: one effect, three answers, alike."""
    registry, effects = counting()
    inbox = f"sqlite:///{tmp_path}/inbox.db"
    async with serving(amqp_url, registry, inbox=inbox), Asking(amqp_url) as asking:
        publication = asking.task("count", parameters={"text": "hare"})
        told = await asking.publish(publication)
        await asking.publish(publication)
        await eventually(lambda: len(asking.answers[told]) == 2)
        await asking.publish(publication)
        await eventually(lambda: len(asking.answers[told]) == 3)
        assert effects == ["hare"]
        assert len({answer.body for answer in asking.answers[told]}) == 1
        assert len({answer.properties.message_id for answer in asking.answers[told]}) == 3
        letter = await asking.letter(changed(publication, parameters={"text": "tortoise"}))
        assert code(letter) == "invalid_envelope"
        assert "id_reused" in str(letter.properties.headers[headers.ERROR])
        assert effects == ["hare"]


async def kill_in_the_middle(
    asking: Asking,
    registry: str,
    moments: tuple[float, ...],
    **settings: object,
) -> None:
    """Kill a worker each of these seconds after it began to answer."""
    for moment in moments:
        async with running(asking.url, registry, **settings) as worker:
            done = len(asking.answers)
            await eventually(lambda done=done: len(asking.answers) > done, within=30)
            await asyncio.sleep(moment)  # the fault: it strikes then, wherever the worker is
            os.kill(worker.pid, signal.SIGKILL)
            await worker.wait()


async def test_what_a_killed_worker_did_is_not_done_again(amqp_url: str, tmp_path: Path) -> None:
    """What it had not yet marked may be; never more than it held."""
    ledger = tmp_path / "effects"
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
    settings = {"inbox": f"sqlite:///{tmp_path}/inbox.db", "state_dir": tmp_path, "prefetch": 20}
    async with Asking(amqp_url) as asking:
        told = [
            await asking.publish(asking.task("word", parameters={"ledger": str(ledger)}))
            for _ in range(200)
        ]
        await kill_in_the_middle(asking, "broker.killing:registry", (0.005,), **settings)
        async with running(amqp_url, "broker.killing:registry", **settings):
            await eventually(lambda: all(asking.answers[one] for one in told), within=40)
        assert not any(asking.letters.values())
        for one in told:
            assert len({answer.body for answer in asking.answers[one]}) == 1
    effects = ledger.read_text().split()
    assert len(effects) - len(set(effects)) <= 20


async def test_effects_in_the_transaction_happen_once_whatever_is_killed(
    amqp_url: str,
    postgresql_url: str,
    tmp_path: Path,
) -> None:
    """Three workers are killed in the middle: 300 payments, 300 rows, 300 answers."""
    async with await psycopg.AsyncConnection.connect(postgresql_url, autocommit=True) as rows:
        await rows.execute("CREATE TABLE IF NOT EXISTS payments (number int)")
        await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
        settings = {"inbox": postgresql_url, "state_dir": tmp_path}
        async with Asking(amqp_url) as asking:
            told = [
                await asking.publish(asking.task("pay", parameters={"number": number}))
                for number in range(300)
            ]
            moments = (0.003, 0.02, 0.05)
            await kill_in_the_middle(asking, "broker.paying:registry", moments, **settings)
            async with running(amqp_url, "broker.paying:registry", **settings):
                await eventually(lambda: all(asking.answers[one] for one in told), within=40)
            assert not any(asking.letters.values())
        paid = await rows.execute("SELECT number FROM payments ORDER BY number")
        assert [number for (number,) in await paid.fetchall()] == list(range(300))
