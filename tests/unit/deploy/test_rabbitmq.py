"""What ships for the broker, and the page about it, are what the code declares and warns of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from topology import BrokerVersion, Names, Role, definitions
from topology.traps import Circumstances, traps
from workers.link.ground import designed
from workers.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/rabbitmq.md").read_text()
VERSIONS = tuple(BrokerVersion.parse(text) for text in ("3.9", "3.10", "3.13", "4.0", "4.3"))
DEFAULTS = Settings()


@pytest.mark.parametrize("version", ["3.13", "4.0"])
def test_the_sample_is_the_export(version: str) -> None:
    """The shipped definitions are what `leveret topology export` prints for that version."""
    shipped = json.loads((ROOT / f"deploy/rabbitmq/definitions-{version[0]}.json").read_text())
    topology = designed(DEFAULTS, BrokerVersion.parse(version))
    assert shipped == definitions(topology, vhost="leveret")


def test_the_page_names_every_trap() -> None:
    """Whatever `leveret topology doctor` may say is explained."""
    here = Circumstances(
        names=Names(),
        groups=("default",),
        max_body_bytes=2**30,
        max_answer_bytes=2**30,
        time_limit=10_000.0,
    )
    known = {trap.name for version in VERSIONS for trap in traps(version, here)} | {"mismatch"}
    upgrades = PAGE[PAGE.index("## Upgrades") :]
    told = set(re.findall(r"^\| `(\w+)` \|", upgrades, re.MULTILINE))
    assert told == known


def test_the_page_names_every_argument_and_role() -> None:
    """Whatever a queue is declared with is explained, and every role is there."""
    arguments = {
        name
        for version in VERSIONS[1:]
        for queue in designed(DEFAULTS, version).queues
        for name in queue.table()
    }
    assert all(f"`{name}`" in PAGE for name in arguments)
    assert all(f"| `{role}` |" in PAGE for role in Role)


def test_tls_settings_are_the_same_on_page_and_in_file() -> None:
    """The file has every line that the page shows."""
    shown = re.search(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    lines = set((ROOT / "deploy/rabbitmq/30-tls.conf").read_text().splitlines())
    assert set(shown[1].splitlines()) <= lines
