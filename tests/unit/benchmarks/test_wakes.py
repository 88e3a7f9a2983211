"""What a worker was awake for is read out of a trace of its system calls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from wakes import stretches

#: A task, its answer, the confirm and the ack; then a confirm and a task that came together.
TRACE = """\
  1000.000 ( 0.500 ms): epoll_wait(epfd: 3, events: 0x7f, maxevents: 4, timeout: 98)   = 1
  1000.530 ( 0.004 ms): recvfrom(fd: 9, ubuf: 0x14, size: 262144)                      = 872
  1000.600 ( 0.004 ms): epoll_wait(epfd: 3, events: 0x7f, maxevents: 4)                = 0
  1000.800 ( 0.017 ms): sendto(fd: 8, buff: 0x14, len: 1049)                           = 1049
  1000.900 ( 0.600 ms): epoll_wait(epfd: 3, events: 0x7f, maxevents: 4, timeout: 97)   = 1
  1001.520 ( 0.003 ms): recvfrom(fd: 8, ubuf: 0x14, size: 262144)                      = 21
  1001.610 ( 0.010 ms): sendto(fd: 9, buff: 0x7f, len: 21)                             = 21
  1002.000 ( 0.600 ms): epoll_wait(epfd: 3, events: 0x7f, maxevents: 4, timeout: 97)   = 2
  1002.620 ( 0.003 ms): recvfrom(fd: 8, ubuf: 0x14, size: 262144)                      = 21
  1002.630 ( 0.003 ms): recvfrom(fd: 9, ubuf: 0x14, size: 262144)                      = 872
  1002.700 ( 0.010 ms): sendto(fd: 9, buff: 0x7f, len: 21)                             = 21
  1002.900 ( 0.010 ms): sendto(fd: 8, buff: 0x7f, len: 1049)                           = 1049
         ? (         ): poll(ufds: 0x7f, nfds: 1) ...
"""


def test_stretches_go_from_waking_up_to_the_write() -> None:
    """One of each kind; what cannot be told apart is left out."""
    awake = stretches(TRACE.splitlines())
    assert awake.answers == pytest.approx([300.0])
    assert awake.acks == pytest.approx([110.0])
