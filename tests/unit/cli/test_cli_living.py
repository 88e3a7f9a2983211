"""A process whose user code leaves things behind ends all the same, and tells nothing of bodies."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

#: What every program below begins with.
BEGINNING = """
import asyncio, sys, threading, time
from workers.cli.living import live
from workers.link.supervisor import LinkError
from workers.logs import LogPlan, configure

async def stubborn():
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass

async def begun(coroutine):
    task = asyncio.create_task(coroutine, name="stubborn one")
    await asyncio.sleep(0)
    return task

configure(LogPlan())
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that lives; it ends, or the test fails."""
    whole = BEGINNING + textwrap.dedent(program) + "\nsys.exit(live(main()))"
    command = [sys.executable, "-c", whole]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("left", "name"),
    [
        ("kept = await begun(stubborn())", "task stubborn one"),
        ("kept = await begun(asyncio.to_thread(time.sleep, 600))", "thread asyncio_0"),
        ("threading.Thread(target=time.sleep, args=(600,), name='own').start()", "thread own"),
    ],
)
@pytest.mark.parametrize(
    ("end", "code"), [("return 0", 0), ("raise LinkError('no line any more')", 1)]
)
def test_what_does_not_end_is_named_and_left_behind(
    left: str, name: str, end: str, code: int
) -> None:
    """The exit code is that of the command, and what ended it is said."""
    ended = run(f"async def main():\n    {left}\n    {end}")
    assert ended.returncode == code
    assert f"left behind, because they do not end: {name}" in ended.stderr
    assert ("no line any more" in ended.stderr) == bool(code)


def test_nothing_is_said_where_nothing_is_left() -> None:
    """The way of nearly every worker."""
    ended = run("""
        async def main():
            await asyncio.to_thread(time.sleep, 0)
            kept = await begun(asyncio.sleep(600))
            return 3
    """)
    assert (ended.returncode, ended.stderr) == (3, "")


def test_a_background_task_that_calls_exit_ends_alone() -> None:
    """The messages that are being worked on are none of its business."""
    ended = run("""
        async def leave():
            sys.exit(7)

        async def main():
            task = await begun(leave())
            await asyncio.wait([task])
            print(task.done())
            return 0
    """)
    assert ended.returncode == 0
    assert ended.stdout == "True\n"
    assert "sys.exit(7)" in ended.stderr


def test_what_nobody_waits_for_is_told_by_its_class_and_place() -> None:
    """In a task, a callback, a thread and a finalizer; its text may quote a body."""
    ended = run("""
        class Finalized:
            def __del__(self):
                raise ValueError("secret")

        async def fail():
            raise ValueError("secret")

        def fail_now(_argument):
            raise ValueError("secret")

        async def main():
            task = await begun(fail())
            del task
            asyncio.get_running_loop().call_soon(fail_now, "secret")
            await asyncio.sleep(0)
            thread = threading.Thread(target=fail_now, args=("secret",), name="own")
            thread.start()
            thread.join()
            Finalized()
            return 0
    """)
    assert ended.returncode == 0
    assert "secret" not in ended.stderr
    for who in (
        "the background task stubborn one (fail) raised ValueError in fail (__main__, line",
        "a callback of the loop raised ValueError in fail_now (__main__, line",
        "the thread own raised ValueError in fail_now (__main__, line",
        "the end of Finalized.__del__ raised ValueError in Finalized.__del__ (__main__, line",
    ):
        assert who in ended.stderr
