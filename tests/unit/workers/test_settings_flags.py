"""What flags and files say comes to workers, and to each replica of a supervisor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from workers.cli import run as run_module
from workers.registry import Registry
from workers.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    from workers.replicas.replicas import Start

TOML = """
agent_id = "hare"

[groups.default]
prefetch = 50
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lend a directory to stand in, without variables of ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEVERET_CONFIG", raising=False)
    monkeypatch.delenv("LEVERET_PREFETCH", raising=False)
    monkeypatch.delenv("LEVERET_AGENT_ID", raising=False)
    return tmp_path


def test_a_flag_wins_over_the_table_of_a_group(project: Path) -> None:
    """As flags win over everything that is written in files."""
    (project / "leveret.toml").write_text(TOML)
    assert load({"prefetch": "7"}).prefetch_of("default") == 7
    assert load().prefetch_of("default") == 50


@pytest.mark.parametrize("called", ["hare", "h" * 128])
def test_an_id_from_a_file_is_shared_by_no_two_replicas(project: Path, called: str) -> None:
    """Each has its number, and an id that is none too long."""
    (project / ".env").write_text(f"LEVERET_AGENT_ID={called}")
    ids = [load().replica_id(number) for number in range(2)]
    assert len({*ids}) == 2
    assert [load({"agent_id": one}).agent_id for one in ids] == ids


def test_nobody_chooses_an_id_for_replicas_where_none_is_written(project: Path) -> None:
    """That of the supervisor's process is its own."""
    assert load().replica_id(0) is None


class Caught(Exception):
    """A supervisor that was about to start its replicas."""


@pytest.mark.parametrize("given", [None, "7"])
def test_replicas_are_given_a_prefetch_where_their_supervisor_was(
    project: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    """Given as a flag where nobody did, it would win over the table of their group."""
    (project / "leveret.toml").write_text(TOML)
    started: list[Start] = []

    def caught(start: Start, count: int) -> Any:
        started.append(start)
        raise Caught

    monkeypatch.setattr(run_module, "Replicas", caught)
    chosen = load({"prefetch": given, "processes": "2"})
    with pytest.raises(Caught):
        asyncio.run(run_module._supervise(chosen, Registry(), ()))
    assert ("--prefetch" in started[0].arguments) is (given is not None)
    assert started[0].environment_of(1)["LEVERET_AGENT_ID"] == "hare-1"
