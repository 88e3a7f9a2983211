"""What user code raises where nobody waits for it: in background tasks, threads and finalizers.

Python would print the text of the exception, which may quote a body or hold a secret. It is told as
a processor's failure is: by its class and place.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

from workers.recovery import place

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("leveret.strays")


def hear_strays(loop: asyncio.AbstractEventLoop) -> None:
    """Have what nobody catches in this process logged by us, from now on."""
    loop.set_exception_handler(_of_loop)
    threading.excepthook = _of_thread
    sys.unraisablehook = _of_finalizer


def _of_loop(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    task = context.get("task") or context.get("future")
    if isinstance(task, asyncio.Task):
        who = f"the background task {task.get_name()} ({_name(task.get_coro())})"
    else:
        who = "a callback of the loop"
    error = context.get("exception")
    if error is None:
        # What follows describes objects, and with them what they hold.
        log.error("%s: %s", who, str(context.get("message", "")).partition("<")[0].strip())
        return
    _tell(who, error)


def _of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        who = "a thread" if told.thread is None else f"the thread {told.thread.name}"
        _tell(who, told.exc_value)


def _of_finalizer(told: sys.UnraisableHookArgs) -> None:
    if told.exc_value is not None:
        _tell(f"the end of {_name(told.object)}", told.exc_value)


def _tell(who: str, error: BaseException) -> None:
    log.error("%s raised %s%s, and nobody waits for it", who, type(error).__name__, place(error))
    log.debug("what nobody waits for was raised", exc_info=error, extra={"untold": True})


def _name(what: object) -> str:
    return str(getattr(what, "__qualname__", type(what).__qualname__))
