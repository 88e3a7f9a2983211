"""What convicts a message of killing its worker, and what does not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import closing
from typing import TYPE_CHECKING

import orjson
import pytest
from pydantic import BaseModel
from waiting import eventually, turn

from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from workers import Context, Registry, headers
from workers.around.limits import TimeLimit
from workers.crashes.notes import Notes, key_of, open_notes
from workers.crashes.solitude import Solitude
from workers.crashes.suspects import SHARED, CrashGuard
from workers.outcome import DeadLettered, Delivery, Outcome, Properties, Replied, Requeued, Retried
from workers.pipeline import Pipeline
from workers.testing import USER, Rehearsal, agent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Nothing(BaseModel):
    """No parameters."""


ran: list[str] = []
registry = Registry()


@registry.task("work", parameters=Nothing)
async def work(_nothing: Nothing, _context: Context) -> Nothing:
    """Say that it ran."""
    ran.append("work")
    return Nothing()


def again(**changes: object) -> Delivery:
    """Return a delivery that the broker handed out before."""
    task = TaskRequest(task_type="work", parameters={})
    envelope = Envelope(
        message_type="task_request",
        payload=TaskRequestPayload(request=task, execution_context={}),
        source_agent=agent(),
        reply_to="agent://rehearsal/answers",
    )
    delivery = Delivery(encode(envelope), Properties(), queue="work", redelivered=True)
    return delivery._replace(**changes)  # type: ignore[arg-type] # each test gives what fits


def proven(starts: int) -> Properties:
    """Return the properties of our own copy that carries proof."""
    return Properties(headers={headers.STARTS: starts, headers.FIRST_SEEN: "x"}, user_id=USER)


async def handled(delivery: Delivery, guard: CrashGuard) -> Outcome:
    """Return what becomes of a delivery under this guard."""
    policy = Rehearsal(registry).policy
    return await Pipeline(registry, policy, guard=guard).handle(
        delivery,
        TimeLimit(asyncio.get_running_loop()),
    )


def died_with(delivery: Delivery, directory: Path) -> None:
    """Let a process die while it has noted this delivery."""
    script = """
        import os, signal, sys
        from pathlib import Path
        from workers.crashes.notes import Notes
        with Notes(Path(sys.argv[1])).noted(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(directory), key_of(delivery)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[CrashGuard]:
    """Lend a guard that keeps notes."""
    guard = CrashGuard(Notes(tmp_path))
    yield guard
    guard.close()


async def test_redelivery_alone_accuses_nobody(guard: CrashGuard) -> None:
    """Whoever only stood in the prefetch comes back just like the one that killed."""
    for _ in range(10):
        assert isinstance(await handled(again(), guard), Replied)


async def test_proof_found_here_is_moved_into_the_message(
    guard: CrashGuard,
    tmp_path: Path,
) -> None:
    """From there it is known on every host, and it is not counted twice."""
    delivery = again()
    died_with(delivery, tmp_path)
    ran.clear()
    outcome = await handled(delivery, guard)
    assert isinstance(outcome, Retried)
    assert (outcome.starts, outcome.delay, outcome.attempt, outcome.held) == (1, None, 0, True)
    assert not ran
    assert isinstance(await handled(delivery, guard), Replied)


async def test_the_third_unfinished_start_convicts(guard: CrashGuard, tmp_path: Path) -> None:
    """One that nobody noted, one that is told by the message, one whose note is here."""
    delivery = again(properties=proven(1))
    died_with(delivery, tmp_path)
    ran.clear()
    outcome = await handled(delivery, guard)
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code == "crash_loop"
    assert "3 times" in outcome.failure.reason
    assert outcome.answer is not None
    assert orjson.loads(outcome.answer.body)["payload"]["error_code"] == "crash_loop"
    assert not ran


async def test_deaths_in_company_do_not_convict(guard: CrashGuard, tmp_path: Path) -> None:
    """However many processes died with it: in none of them was it known to be alone."""
    delivery = again()
    for _ in range(3):
        died_with(delivery, tmp_path)
    outcome = await handled(delivery, guard)
    assert isinstance(outcome, Retried)
    assert outcome.starts == 1


async def test_whoever_came_ten_times_beside_culprits_is_sent_anew(tmp_path: Path) -> None:
    """The broker would dead-letter it at twice as many, however innocent."""
    often = again(properties=Properties(headers={headers.DELIVERED: SHARED}, user_id=USER))
    died_with(again(), tmp_path)
    guard = CrashGuard(Notes(tmp_path))
    outcome = await handled(often, guard)
    assert isinstance(outcome, Retried)
    assert (outcome.starts, outcome.delay, outcome.attempt, outcome.held) == (0, None, 0, True)
    guard.close()


async def test_where_no_death_was_ever_seen_the_broker_must_find_the_culprit(
    guard: CrashGuard,
) -> None:
    """Sent anew it would kill for ever in a container that takes its evidence with it."""
    often = again(properties=Properties(headers={headers.DELIVERED: SHARED}, user_id=USER))
    assert isinstance(await handled(often, guard), Replied)


async def test_nobody_is_alone_before_what_was_decided_has_left(guard: CrashGuard) -> None:
    """A verdict that dies with the process on the next suspect's account would be forgotten."""
    unsettled = 1
    guard.solitude.settling = lambda: unsettled
    ran.clear()
    task = asyncio.create_task(handled(again(properties=proven(1)), guard))
    await eventually(lambda: guard.solitude.who)
    await turn()
    assert not ran
    unsettled = 0
    assert isinstance(await task, Replied)
    assert ran


async def test_who_waits_to_be_alone_leaves_no_proof(guard: CrashGuard, tmp_path: Path) -> None:
    """The death of one suspect says nothing about the others that wait for its end."""
    guard.solitude.running = 1
    suspect = again(properties=proven(1))
    (own,) = (tmp_path / "running").iterdir()
    task = asyncio.create_task(handled(suspect, guard))
    await eventually(lambda: guard.solitude.who)
    assert not (own / key_of(suspect)).exists()
    guard.solitude.left()
    assert isinstance(await task, Replied)


async def test_proof_that_a_stranger_wrote_is_not_believed(guard: CrashGuard) -> None:
    """Nobody can have somebody else's message dead-lettered by a header."""
    forged = proven(9)._replace(user_id="stranger")
    assert isinstance(await handled(again(properties=forged), guard), Replied)


async def test_without_notes_everything_is_done_as_ever(tmp_path: Path) -> None:
    """A state directory that cannot be written is told, and no reason not to work."""
    (tmp_path / "file").write_text("in the way")
    assert open_notes(tmp_path / "file") is None
    assert isinstance(await handled(again(), CrashGuard(None)), Replied)


def test_a_process_that_leaves_alive_accuses_nobody(tmp_path: Path) -> None:
    """Its notes go with it, and so do those of work that ended."""
    notes, other = Notes(tmp_path), Notes(tmp_path)
    with notes.noted("key"):
        assert other.evidence("key") == 0
    with notes.noted("key"):
        notes.close()
    assert other.evidence("key") == 0
    other.close()
    assert list((tmp_path / "running").iterdir()) == []


def test_only_one_of_those_who_look_gets_the_evidence(tmp_path: Path) -> None:
    """A death counts once, however many workers there are on the machine."""
    delivery = again()
    died_with(delivery, tmp_path)
    died_with(delivery, tmp_path)
    key = key_of(delivery)
    with closing(Notes(tmp_path)) as one, closing(Notes(tmp_path)) as other:
        assert [notes.evidence(key) for notes in (one, other, one)] == [2, 0, 0]


def test_old_evidence_is_forgotten(tmp_path: Path) -> None:
    """What never comes here again does not fill the directory."""
    delivery = again()
    died_with(delivery, tmp_path)
    (left,) = (tmp_path / "running").iterdir()
    os.utime(left, (0, 0))
    with closing(Notes(tmp_path)) as notes:
        assert notes.evidence(key_of(delivery)) == 0
    assert not left.exists()


async def test_who_is_alone_waits_for_the_others_and_holds_back_new_ones() -> None:
    """If the process dies then, there is only one who can have done it."""
    solitude = Solitude()
    delivery = Delivery(b"", tag=1)
    told: list[str] = []
    solitude.running = 1

    async def alone() -> None:
        async with solitude.alone(delivery):
            told.append("alone")
            await solitude.over(delivery)

    async def another() -> None:
        await solitude.over(Delivery(b"", tag=2))
        told.append("another")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(alone())
        await eventually(lambda: solitude.who)
        group.create_task(another())
        await turn()
        assert told == []
        solitude.left()
    assert told == ["alone", "another"]


async def test_who_waits_for_a_place_never_keeps_it_from_who_is_alone(guard: CrashGuard) -> None:
    """One place, three messages, one of them alone: all of them are done."""
    narrow = Registry()

    @narrow.task("work", parameters=Nothing, concurrency=1)
    async def slow(_nothing: Nothing, _context: Context) -> Nothing:
        for _ in range(10):  # long enough for the others to want the place
            await turn()
        return Nothing()

    pipeline = Pipeline(narrow, Rehearsal(narrow).policy, guard=guard)
    limit = TimeLimit(asyncio.get_running_loop())
    plain, suspect = again(redelivered=False), again(properties=proven(1), tag=9)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(
            *(pipeline.handle(one, limit) for one in (plain, plain, suspect, plain)),
        )
    assert all(isinstance(outcome, Replied) for outcome in outcomes)


async def test_a_suspect_is_given_back_when_the_worker_leaves(guard: CrashGuard) -> None:
    """While it waits for its turn to be alone it is nobody's loss."""
    guard.solitude.running = 1
    policy = Rehearsal(registry).policy
    limit = TimeLimit(asyncio.get_running_loop())
    delivery = again(properties=proven(1))
    task = asyncio.create_task(Pipeline(registry, policy, guard=guard).handle(delivery, limit))
    await eventually(lambda: guard.solitude.who)
    limit.leave()
    task.cancel()
    assert isinstance(await task, Requeued)
