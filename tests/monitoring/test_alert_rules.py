"""Every alert fires for what it is there for, and for nothing else, as Prometheus reckons it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "rules"
PROMTOOL: Final = shutil.which("promtool")
REPLICA: Final = '{instance="a",job="leveret",replica="0"'

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed; `make testbed` installs it"
)


class Case(NamedTuple):
    """Series that make an alert fire by the minute told, and the same when all is well."""

    bad: dict[str, str]
    good: dict[str, str]
    #: Minutes.
    at: int = 30


def line(name: str, **labels: str) -> str:
    """Return a series of one replica."""
    more = "".join(f',{label}="{value}"' for label, value in labels.items())
    return f"{name}{REPLICA}{more}}}"


def still(value: float) -> str:
    """Return a value that stays for an hour."""
    return f"{value}x60"


def growing(by: float, *, until: int = 60) -> str:
    """Return a counter that grows each minute, until it stays."""
    return f"0+{by}x{until} {by * until}x{60 - until}" if until < 60 else f"0+{by}x60"


CONNECTED: Final = line("leveret_connected", connection="consuming")
PUBLISHING: Final = line("leveret_connected", connection="publishing")
DONE: Final = line("leveret_messages_processed_total", outcome="replied", task_type="resize")
RETRIED: Final = line("leveret_messages_processed_total", outcome="retried", task_type="resize")
RETRIES: Final = line("leveret_retries_total", task_type="resize")
RECEIVED: Final = line("leveret_messages_received_total", group="default")
DEAD: Final = line("leveret_dead_letters_total", error_code="rejected")
WAITING: Final = 'rabbitmq_detailed_queue_messages_ready{queue="leveret.work.default"}'
WANTED: Final = 'leveret_replicas_wanted{instance="a",job="leveret"}'
ANSWERING: Final = 'leveret_replicas_answering{instance="a",job="leveret"}'


def hindered(reason: str) -> str:
    """Return the series of what is in the way."""
    return line("leveret_not_ready", reason=reason)


CASES: Final[dict[str, list[Case]]] = {
    "LeveretNoReplica": [
        Case(
            {CONNECTED: still(0), PUBLISHING: still(1)}, {CONNECTED: still(1), PUBLISHING: still(1)}
        ),
        Case({}, {CONNECTED: still(1)}),
    ],
    "LeveretNotConsuming": [
        Case({WAITING: still(7), DONE: still(100)}, {WAITING: still(7), DONE: growing(10)}),
        Case({WAITING: still(7)}, {WAITING: still(0)}),
    ],
    "LeveretReplicasMissing": [
        Case({f"up{REPLICA}}}": still(0)}, {f"up{REPLICA}}}": still(1)}),
        Case({WANTED: still(3), ANSWERING: still(2)}, {WANTED: still(3), ANSWERING: still(3)}),
    ],
    "LeveretReplicaDisconnected": [
        Case(
            {CONNECTED: still(1), PUBLISHING: still(0)}, {CONNECTED: still(1), PUBLISHING: still(1)}
        ),
    ],
    "LeveretReplicaHindered": [
        Case({hindered("blocked"): still(1)}, {hindered("blocked"): still(0)}),
        Case({hindered("held"): still(1)}, {hindered("paused"): still(1)}),
    ],
    "LeveretReplicaPaused": [
        Case({hindered("paused"): still(1)}, {hindered("paused"): "1x20 0x40"}, at=45),
    ],
    "LeveretOldMessages": [
        Case(
            {line("leveret_oldest_message_seconds"): "0+60x60"},
            {line("leveret_oldest_message_seconds"): still(700)},
        ),
    ],
    "LeveretDeadLetters": [
        # A single one, of a code that was there at 0.
        Case({DEAD: "0x27 1x30"}, {DEAD: still(3)}),
    ],
    "LeveretDeadLettersGrowing": [
        Case(
            {DEAD: growing(10), RECEIVED: growing(100)}, {DEAD: growing(1), RECEIVED: growing(100)}
        ),
    ],
    "LeveretRetriesStorm": [
        Case(
            {RETRIES: growing(60), RETRIED: growing(60), DONE: growing(10)},
            {RETRIES: growing(60), RETRIED: growing(60), DONE: growing(100)},
        ),
        Case(
            {RETRIES: growing(60), RETRIED: growing(60), DONE: growing(10)},
            {RETRIES: growing(6), RETRIED: growing(6), DONE: growing(1)},
        ),
    ],
    "LeveretBrakeEngaged": [
        Case(
            {line("leveret_brake_engaged", task_type="resize"): still(1)},
            {line("leveret_brake_engaged", task_type="resize"): still(0)},
        ),
    ],
    "LeveretAnswersUndeliverable": [
        Case(
            {line("leveret_replies_undeliverable_total"): growing(1)},
            {line("leveret_replies_undeliverable_total"): still(9)},
        ),
    ],
    "LeveretInboxFailing": [
        Case(
            {line("leveret_inbox_total", result="unavailable"): growing(1)},
            {line("leveret_inbox_total", result="duplicate"): growing(1)},
        ),
    ],
    "LeveretReconnecting": [
        Case(
            {line("leveret_reconnects_total"): growing(1)},
            {line("leveret_reconnects_total"): "0x25 2x35"},
        ),
    ],
    "LeveretMemory": [
        Case(
            {line("process_resident_memory_bytes"): still(900e6)},
            {line("process_resident_memory_bytes"): still(150e6)},
        ),
    ],
}


def alerts() -> dict[str, dict[str, Any]]:
    """Return every alerting rule by its name."""
    return {
        rule["alert"]: rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def experiment(alert: str, case: Case, *, fires: bool) -> dict[str, Any]:
    """Return one test in promtool's own words."""
    series = case.bad if fires else case.good
    return {
        "interval": "1m",
        "name": f"{alert} {'fires' if fires else 'is quiet'}",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
                "eval_time": f"{case.at}m",
                "exp_samples": [{"labels": "{}", "value": float(fires)}],
            }
        ],
    }


def test_every_alert_has_cases() -> None:
    """No alert is shipped that nobody has seen fire."""
    assert CASES.keys() == alerts().keys()


@needs_promtool
@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_when_it_should_and_not_when_all_is_well(alert: str, tmp_path: Path) -> None:
    """Reckoned by Prometheus' own engine, recording rules included."""
    experiments = [
        experiment(alert, case, fires=fires) for case in CASES[alert] for fires in (True, False)
    ]
    plan = tmp_path / "plan.yml"
    rules = [str(path) for path in sorted(RULES.glob("*.yml"))]
    plan.write_text(yaml.safe_dump({"rule_files": rules, "tests": experiments}))
    assert PROMTOOL is not None
    ended = subprocess.run(
        [PROMTOOL, "test", "rules", str(plan)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_promtool
def test_promtool_finds_nothing_to_say() -> None:
    """The rules are as Prometheus wants them, their templates included."""
    assert PROMTOOL is not None
    rules = [str(path) for path in sorted(RULES.glob("*.yml"))]
    ended = subprocess.run(
        [PROMTOOL, "check", "rules", "--lint-fatal", *rules],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_leads_to_its_entry_in_the_runbook(alert: str) -> None:
    """Whoever is woken finds what it means, what to look at and what to do, with commands."""
    page, _, anchor = alerts()[alert]["annotations"]["runbook"].partition("#")
    text = (ROOT / page).read_text()
    assert anchor == alert.lower()
    entry = re.split(r"^#+ ", text.partition(f"### {alert}\n")[2], maxsplit=1, flags=re.MULTILINE)[
        0
    ]
    for part in ("**Means**", "**Look**", "**Do**"):
        assert part in entry, f"{alert}: {part}"
    assert "```" in entry or "`leveret " in entry
