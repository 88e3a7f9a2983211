"""Runs a command's main coroutine to its end, whatever user code does beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from workers.cli import said
from workers.logs.strays import hear_strays

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

log = logging.getLogger("leveret.run")

#: How the thread is called in which the loop waits for its others.
_ASKS: Final = "_do_shutdown"
#: Seconds that tasks and threads of user code get to end once all else has.
LAST_TASKS: Final = 1.0


def live(main: Coroutine[Any, Any, int]) -> int:
    """Return the exit code of `main`, or raise what it raises.

    A background task that calls `sys.exit()` ends itself and nobody else. What does not end when it
    is cancelled, or is stuck in a thread, is left behind: then the process leaves by itself, for
    Python would wait for it without end.
    """
    runner = asyncio.Runner()
    loop = runner.get_loop()
    hear_strays(loop)
    try:
        code = _insist(loop, main)
    except Exception as error:
        if left := _insist(loop, _end_others()):
            _leave(said(error), left)
        runner.close()
        raise
    if left := _insist(loop, _end_others()):
        _leave(code, left)
    runner.close()
    return code


def _insist(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, T]) -> T:
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except SystemExit as exit_:
            # It has come through the loop, which goes on where it was.
            if task.done():
                raise
            log.error(  # noqa: TRY400 - its trace is that of the loop
                "a background task called sys.exit(%s): it has ended, the worker goes on; to end "
                "the worker, send it SIGTERM",
                exit_.code if isinstance(exit_.code, int) else "",
            )


async def _end_others() -> list[str]:
    """Cancel what is left of user code's tasks; return the names of what does not end."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    threads = loop.create_task(loop.shutdown_default_executor(), name="its threads")
    _, left = await asyncio.wait({*tasks, threads}, timeout=LAST_TASKS)
    names = [f"task {task.get_name()}" for task in left if task is not threads]
    return names + [
        f"thread {thread.name}"
        for thread in threading.enumerate()
        if not (thread.daemon or thread is threading.main_thread() or _ASKS in thread.name)
    ]


def _leave(code: int, left: list[str]) -> NoReturn:
    """End the process as the system does; the broker has what was not acked."""
    log.error("left behind, because they do not end: %s", ", ".join(sorted(left)))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
