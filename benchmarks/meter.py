"""What a process and its children cost, read from /proc: CPU seconds and peak memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """CPU seconds so far, and the peak of the resident memory in MB, of a process tree."""

    cpu: float
    rss_mb: float


def cost(pid: int) -> Cost:
    """Return what a process and those below it have cost; nothing for one that is gone."""
    cpu = rss = 0.0
    for one in (pid, *_below(pid)):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        cpu += (int(fields[11]) + int(fields[12])) / _TICKS
        peak = next((row for row in status.splitlines() if row.startswith("VmHWM")), "VmHWM: 0 kB")
        rss += int(peak.split()[1]) / 1024
    return Cost(cpu, rss)


def _below(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += (young := [int(text) for text in children.read_text().split()])
            except OSError:
                continue
            waiting += young
    return found
