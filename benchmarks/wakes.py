"""What a worker does while one message is in flight: how long it is awake for it, and for what.

    python benchmarks/wakes.py [--only NAME …] [--rounds N] [--apart]

Linux tells each system call (`perf trace`, in Debian's linux-perf): a worker wakes up when
something came, and has done its part when it has written. Two such stretches are a message's: from
its arrival to its answer, and from the answer's confirm to the ack. Prints a JSON line a contender:
medians in µs, and of the round trip in ms; being watched costs each of them a tenth. With
`--apart` the worker has the last of the processors to itself, caches and all, and the broker and
the asker share the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from message import task
from peers import available
from stage import Round, Stage, add_apart
from trips import round_trips

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contender import Contender

#: Those that do all their work in one process, and read and write by the calls that are traced.
TRACED: Final = ("leveret", "bare", "pika", "aiormq", "aio-pika", "c")
WAITS: Final = ("epoll_wait", "poll")
CALLS: Final = (*WAITS, "recvfrom", "sendto")
TRIPS: Final = 800
#: Bytes that only a task and its answer have; a confirm and an ack have 21.
LARGE: Final = 500
#: Seconds until perf has begun to look.
BEGUN: Final = 1.0
#: Milliseconds of a call that waited for something.
WAITED: Final = 0.05
_CALL: Final = re.compile(
    r"\s*(?P<at>[\d.]+) \(\s*(?P<took>[\d.]+) ms\): "
    r"(?P<name>\w+)\((?P<given>.*)\)\s+= (?P<back>-?\d+)"
)
_LENGTH: Final = re.compile(r"len: (\d+)")


class Awake(NamedTuple):
    """Stretches of one run, each in µs from the wake-up to the write."""

    answers: list[float]
    acks: list[float]


def stretches(trace: Iterable[str]) -> Awake:
    """Return what a trace tells of a worker with one message in flight."""
    found = Awake([], [])
    woke, came = 0.0, set[bool]()
    for line in trace:
        call = _CALL.match(line)
        if call is None:
            continue
        at, back = float(call["at"]), int(call["back"])
        if call["name"] in WAITS and back > 0 and float(call["took"]) > WAITED:
            woke, came = at + float(call["took"]), set()
        elif call["name"] == "recvfrom" and back > 0:
            came.add(back > LARGE)
        elif call["name"] == "sendto" and len(came) == 1:  # of both together nobody can tell
            length = _LENGTH.search(call["given"])
            assert length is not None, line
            large = int(length[1]) > LARGE
            if came == {large}:  # some write the frames before a body by themselves
                (found.answers if large else found.acks).append((at - woke) * 1e3)
                came = set()
    return found


@contextmanager
def traced(pid: int, file: Path) -> Iterator[None]:
    """Have the calls of a process written to a file, which is whole afterwards."""
    look = ("perf", "trace", "-T", "-e", ",".join(CALLS), "-p", str(pid), "-o", str(file))
    perf = subprocess.Popen(look, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        perf.terminate()
        perf.wait()


async def look(stage: Stage, one: Contender) -> tuple[float, float, float]:
    """Return a round's median round trip in ms, and what is awake for answers and acks in µs."""
    async with stage.working(one, Round()) as (url, pid):
        with tempfile.TemporaryDirectory(prefix="leveret-bench-") as place:
            file = Path(place) / "calls"
            with traced(pid, file):
                await asyncio.sleep(BEGUN)
                trips = await round_trips(url, one.wrap, [task() for _ in range(TRIPS)], rate=0)
            awake = stretches(file.read_text().splitlines())
    return trips.p50, median(awake.answers), median(awake.acks)


async def compare(stage: Stage, contenders: list[Contender], rounds: int) -> None:
    """Let the contenders take turns, and print the medians."""
    found: dict[str, list[tuple[float, float, float]]] = {one.name: [] for one in contenders}
    for number in range(rounds):
        for one in contenders:
            found[one.name].append(await look(stage, one))
            print(f"round {number + 1} {one.name}: {found[one.name][-1]}", file=sys.stderr)
    for name, several in found.items():
        p50, answer, ack = (median(values) for values in zip(*several, strict=True))
        row = {"contender": name, "p50_ms": round(p50, 3), "answer_us": round(answer)}
        print(json.dumps(row | {"ack_us": round(ack)}), flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TRACED, default=TRACED)
    parser.add_argument("--rounds", type=int, default=5)
    add_apart(parser)
    given = parser.parse_args()
    if shutil.which("perf") is None:
        parser.error("perf tells the system calls, and is not here: apt-get install linux-perf")
    stage = Stage(apart=given.apart)
    try:
        contenders = available(list(given.only))
        asyncio.run(compare(stage, contenders, given.rounds))
    finally:
        stage.close()


if __name__ == "__main__":
    main()
