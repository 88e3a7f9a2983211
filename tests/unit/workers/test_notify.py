"""What systemd is told: each change once, signs of life only from a worker that lives."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from workers.probes.health import Health
from workers.probes.systemd import BEYOND, Notifier, Teller, open_notifier

UNIT = Path(__file__).resolve().parents[3] / "deploy/systemd/leveret@.service"
PATIENCE = 120.0


class Systemd:
    """The other end: a datagram socket, and what came there."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """Return the lines that have come since."""
        lines: list[str] = []
        while True:
            try:
                lines += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return lines

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def test_each_change_is_told_once(tmp_path: Path) -> None:
    """Starting, ready, in trouble and leaving: one line each, and a sign of life every time."""
    now = [0.0]
    health = Health(clock=lambda: now[0])
    address = str(tmp_path / "notify")
    with (
        closing(Systemd(address)) as systemd,
        closing(Notifier(address, watchdog=30.0)) as notifier,
    ):
        teller = Teller(notifier, health, serving="consuming g", patience=PATIENCE)
        teller.look()
        assert systemd.heard() == ["STATUS=starting: nothing is consumed yet", "WATCHDOG=1"]
        health.consuming()
        teller.look()
        assert systemd.heard() == ["READY=1", "STATUS=consuming g", "WATCHDOG=1"]
        teller.look()
        assert systemd.heard() == ["WATCHDOG=1"]
        health.line("publishing", "reconnecting:\nREADY=1")
        teller.look()
        assert systemd.heard() == ["STATUS=reconnecting: READY=1", "WATCHDOG=1"]
        now[0] += PATIENCE + BEYOND + 1
        teller.look()
        assert systemd.heard() == []
        health.draining()
        teller.look()
        assert systemd.heard() == [
            "STOPPING=1",
            "STATUS=draining: the worker is leaving",
            "WATCHDOG=1",
        ]


def test_a_paused_worker_is_ready_and_alive(tmp_path: Path) -> None:
    """An operator's pause is no reason for systemd to end a start or a worker."""
    health = Health()
    health.consuming()
    health.paused("paused")
    address = str(tmp_path / "notify")
    with (
        closing(Systemd(address)) as systemd,
        closing(Notifier(address, watchdog=30.0)) as notifier,
    ):
        Teller(notifier, health, serving="", patience=PATIENCE).look()
        assert systemd.heard() == ["READY=1", "STATUS=paused", "WATCHDOG=1"]


def expect_calm(notifier: Notifier) -> None:
    """See that saying something raises nothing."""
    notifier.say("READY=1")


def test_nobody_listens_any_more(tmp_path: Path) -> None:
    """A socket that is gone, or an address too long, disturbs nothing."""
    for address in (str(tmp_path / "gone"), "@leveret-test-nobody", "/" + "x" * 200):
        with closing(Notifier(address)) as notifier:
            expect_calm(notifier)


@pytest.mark.parametrize(
    ("variables", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_variables_are_systemds_and_nobody_inherits_them(
    variables: dict[str, str], watchdog: float | None
) -> None:
    """The watchdog is ours when it names us, and no child finds the variables."""
    environment = {"NOTIFY_SOCKET": "@somewhere", "PATH": "/bin", **variables}
    notifier = open_notifier(environment)
    assert notifier is not None
    assert notifier.watchdog == watchdog
    notifier.close()
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["", "vsock:2:1234"])
def test_without_systemd_nothing_is_said(address: str) -> None:
    """No socket, or one of a kind that is not for us: no notifier."""
    assert open_notifier({"NOTIFY_SOCKET": address}) is None


def test_the_unit_gives_the_time_a_drain_takes() -> None:
    """The unit's limits are longer than a drain, and than the wait for a broker at start."""
    told = dict(
        line.split("=", 1)
        for line in UNIT.read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    assert told["Type"] == "notify"
    assert told["KillSignal"] == "SIGTERM"
    assert int(told["TimeoutStopSec"]) >= 25 + 5 + 2 + 10
    assert int(told["TimeoutStartSec"]) > PATIENCE
    assert int(told["WatchdogSec"]) > 0


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about the unit."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    instance = tmp_path / "leveret@default.service"
    text = UNIT.read_text().replace("/opt/leveret/bin/leveret", "/bin/true")
    instance.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(instance)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "leveret" in line]
    # Before the installation there is neither the user nor its documentation's viewer.
    assert [line for line in ours if "man:" not in line and "Command 'man" not in line] == []
