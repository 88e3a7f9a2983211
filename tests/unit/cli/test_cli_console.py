"""The console asks for a broker as every command does."""

from __future__ import annotations

import pytest

from workers.cli import NO_BROKER, _run
from workers.settings import Settings


def test_a_console_without_a_broker_does_not_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to set, in place of pages that say the broker is away."""
    monkeypatch.setattr("workers.settings.load", lambda _: Settings())
    monkeypatch.setattr("sys.argv", ["leveret", "console", "--port", "0"])
    assert _run() == NO_BROKER
    assert "no broker is configured; set LEVERET_AMQP_URL" in capsys.readouterr().err
