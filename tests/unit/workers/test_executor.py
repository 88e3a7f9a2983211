"""What may run in a process of its own, what is refused where it is written, and what travels."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Generic, TypeVar

import pytest

from messages import ErrorCode, Payload, ProtocolModel
from workers import Context, RegistrationError, Registry, RetryPolicy
from workers.executor import frames
from workers.executor.ends import Afar, died, overran, signal_name
from workers.executor.named import name_of
from workers.executor.pool import open_pools
from workers.executor.spent import Spent
from workers.logs import LogPlan
from workers.outcome import Replied
from workers.recovery import failure_of
from workers.settling.copies import error_header
from workers.testing import Rehearsal

T = TypeVar("T")
USE = Spent(1.5, 0.25, 50_000_000).since(Spent(0.5, 0.25, 40_000_000), 1.25, "SIGSEGV")


class Plain(ProtocolModel):
    """Parameters that a child could import."""

    value: int = 0


class Page(ProtocolModel, Generic[T]):
    """Parameters whose full name is no name."""

    entries: list[T] = []


class Note(Payload, type="note"):
    """A payload."""


async def whole(_parameters: Plain, _context: Context) -> None:
    """Stand at the top of its module."""


async def taken(_parameters: Plain, _context: Context) -> None:
    """Have its name taken by another."""


TAKEN = taken


async def taken(_parameters: Plain, _context: Context) -> None:  # type: ignore[no-redef]
    """Take the name."""


def apart(process: Any, parameters: type[ProtocolModel] = Plain, **limits: Any) -> Registry:
    """Return a registry with one processor in a process of its own."""
    registry = Registry()
    registry.task("work", parameters=parameters, executor="process", **limits)(process)
    return registry


def test_what_another_process_could_not_import_is_refused_where_it_is_written() -> None:
    """Inner functions, inner models, nameless models and the main program, each with what to do."""

    async def inner(_parameters: Plain, _context: Context) -> None: ...

    class Inner(ProtocolModel): ...

    with pytest.raises(RegistrationError, match="at the top of its module"):
        apart(inner)
    for model in (Inner, Page[int]):
        with pytest.raises(RegistrationError, match="the model of task type 'work'"):
            apart(whole, model)
    inner.__qualname__, inner.__module__ = "inner", "__main__"
    with pytest.raises(RegistrationError, match="into a module of your package"):
        apart(inner)


def test_a_name_that_stands_for_another_is_refused_before_the_worker_serves() -> None:
    """A child would import the wrong function."""
    with pytest.raises(RegistrationError, match="topmost decorator"):
        open_pools(apart(TAKEN).routes, LogPlan())


def test_what_cannot_go_together_is_refused() -> None:
    """A transaction and a batch belong to the worker; of executors there is one."""
    with pytest.raises(RegistrationError, match="the inbox's transaction"):
        apart(whole, transaction=True)
    with pytest.raises(RegistrationError, match="nor executor"):
        Registry().processor(Note, batch=2, executor="process")  # type: ignore[call-overload] # refused by types, too
    with pytest.raises(RegistrationError, match="'thread' is not known"):
        Registry().task("work", parameters=Plain, executor="thread")  # type: ignore[arg-type] # likewise


def test_there_are_as_many_processes_as_cores_where_nobody_says() -> None:
    """A worker without such a processor has no pools at all."""
    (route,) = apart(whole).routes
    assert route.limits.concurrency == os.cpu_count()
    (route,) = apart(whole, concurrency=3).routes
    assert route.limits.concurrency == 3
    assert open_pools([], LogPlan()) is None


async def test_a_rehearsal_runs_it_in_place() -> None:
    """A test of a processor needs no process."""
    assert isinstance(await Rehearsal(apart(whole)).task("work"), Replied)


class Declined(Exception):
    """Never."""


@pytest.mark.parametrize(("kinds", "ends"), [((Declined,), True), ((ValueError,), False)])
def test_a_policy_knows_exceptions_that_were_raised_elsewhere(
    kinds: tuple[type[Exception], ...], *, ends: bool
) -> None:
    """By the names of their classes, as it knows those raised here by the classes."""
    failure = died("work", 3, USE).failure
    lineage = [name_of(kind) for kind in type("Sub", (Declined,), {}).__mro__]
    error = Afar(failure, lineage)
    assert RetryPolicy(never=kinds).ends(error) is ends
    assert RetryPolicy(at_once=kinds).repeats(error) is ends
    assert RetryPolicy(never=kinds).ends(Declined()) is ends
    assert not RetryPolicy(never=kinds).ends(None)


def test_a_death_is_told_by_the_name_of_its_route_and_with_its_use() -> None:
    """In the reason for people, as fields for programs, and alike in the fingerprint."""
    failure = failure_of(died("work", -11, USE))
    assert failure.code is ErrorCode.PROCESSING_FAILED
    assert failure.retryable
    assert failure.exception == "killed by SIGSEGV"
    assert failure.reason == (
        "the process of work was killed by SIGSEGV; it ran 1.25 s, used 1.00 s of user and "
        "0.00 s of system time, and 50 MB at most"
    )
    assert '"max_rss_bytes":50000000' in error_header(failure)
    assert '"process"' not in error_header(failure._replace(process=None))
    assert overran("work", USE).failure.code is ErrorCode.TIMEOUT


@pytest.mark.parametrize(
    ("exit_code", "name"), [(0, ""), (3, ""), (-9, "SIGKILL"), (-11, "SIGSEGV"), (-40, "signal 40")]
)
def test_signals_have_names(exit_code: int, name: str) -> None:
    """Those that have one."""
    assert signal_name(exit_code) == name


async def test_frames_arrive_as_they_were_sent() -> None:
    """Empty ones too; a length that cannot be is told apart from the end of the line."""
    reader = asyncio.StreamReader()
    reader.feed_data(frames.pack(b"one", b"") + b"\xff" * 4)
    reader.feed_eof()
    assert [await frames.read(reader), await frames.read(reader)] == [b"one", b""]
    with pytest.raises(frames.Broken):
        await frames.read(reader)
    with pytest.raises(EOFError):
        await frames.read(reader)
