"""Tracing that was asked for and cannot be had stops the start, with the line to type."""

from __future__ import annotations

import sys

import pytest

from workers.assembly import load_tracing
from workers.link.supervisor import LinkError


def test_without_opentelemetry_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, and no worker that silently traces nothing."""
    monkeypatch.delitem(sys.modules, "workers.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(LinkError, match=r"pip install 'leveret\[tracing\]'"):
        load_tracing(lambda _delivery, _limit: pytest.fail("nothing is handled"))
