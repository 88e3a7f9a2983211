"""Alerts, recording rules and the dashboard ask for what workers and the broker really have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"

#: What a worker shows at /metrics: the public list, with the series that histograms add.
COUNTERS_AND_GAUGES = frozenset(
    {
        "leveret_messages_received_total",
        "leveret_messages_processed_total",
        "leveret_in_flight",
        "leveret_dead_letters_total",
        "leveret_validation_errors_total",
        "leveret_retries_total",
        "leveret_replies_undeliverable_total",
        "leveret_redelivered_total",
        "leveret_connected",
        "leveret_reconnects_total",
        "leveret_inbox_total",
        "leveret_build_info",
        "leveret_held_total",
        "leveret_unknown_fields_dropped_total",
        "leveret_brake_engaged",
        "leveret_not_ready",
        "leveret_oldest_message_seconds",
        "leveret_replicas_wanted",
        "leveret_replicas_answering",
        "process_resident_memory_bytes",
    },
)
HISTOGRAMS = frozenset(
    {"leveret_processing_seconds", "leveret_message_age_seconds", "leveret_publish_seconds"},
)
METRICS = COUNTERS_AND_GAUGES | {
    f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "sum", "count")
}
#: Labels of those metrics, and what Prometheus adds to every series.
LABELS = frozenset(
    {
        *("group", "message_type", "task_type", "outcome", "error_code", "error_type"),
        *("connection", "result", "le", "instance", "job", "replica", "queue"),
        "reason",
    },
)
#: Of the broker's own metrics, the families that prometheus.yml asks for.
BROKER_METRICS = frozenset(
    {
        "rabbitmq_detailed_queue_messages",
        "rabbitmq_detailed_queue_messages_ready",
        "rabbitmq_detailed_queue_messages_unacked",
        "rabbitmq_detailed_queue_consumers",
    },
)
METRIC = re.compile(r"(?<![\w:])(?:leveret|rabbitmq|process)_\w+")
RECORDED = re.compile(r"[a-z_]+:[a-z_]+(?::[a-z0-9_]+)?")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
MATCHED = re.compile(r"(\w+)(?:=~|!~|!=|=)\"")


def rules() -> list[dict[str, Any]]:
    """Give every recording and alerting rule."""
    return [
        rule
        for path in sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def dashboard() -> dict[str, Any]:
    """Give the dashboard as Grafana reads it."""
    found: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/leveret.json").read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """Give the panels that show something: rows are only headings."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Give (where, PromQL) for everything that asks Prometheus."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard()["templating"]["list"]:
        yield f"variable {variable['name']}", variable["query"]["query"]


EXPRESSIONS = list(expressions())
NAMES = [where for where, _ in EXPRESSIONS]


@pytest.mark.parametrize("expression", [text for _, text in EXPRESSIONS], ids=NAMES)
def test_expressions_ask_for_metrics_that_exist(expression: str) -> None:
    """Rules and panels name only metrics that workers or the broker's scraped families have."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used_records = set(RECORDED.findall(expression))
    used_metrics = set(METRIC.findall(RECORDED.sub("", expression)))
    assert used_records | used_metrics
    assert used_records <= recorded
    assert used_metrics <= METRICS | BROKER_METRICS


@pytest.mark.parametrize("expression", [text for _, text in EXPRESSIONS], ids=NAMES)
def test_expressions_use_labels_that_exist(expression: str) -> None:
    """Rules and panels group and filter only by labels that those metrics carry."""
    grouped = {
        label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")
    }
    assert grouped | set(MATCHED.findall(expression)) <= LABELS


@pytest.mark.parametrize("expression", [text for _, text in EXPRESSIONS], ids=NAMES)
def test_counters_are_only_looked_at_as_rates(expression: str) -> None:
    """A counter is never shown or compared as it stands: it falls to zero with its replica."""
    totals = r"\w+(?:_total|_bucket)(?:\{[^}]*\})?"
    assert len(re.findall(totals, expression)) == len(
        re.findall(rf"(?:rate|increase)\({totals}\[", expression),
    )


def test_every_public_metric_is_on_the_dashboard() -> None:
    """An operator finds each of the public metrics on the dashboard, directly or recorded."""
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    texts = [target["expr"] for panel in panels() for target in panel["targets"]]
    texts += [recorded[name] for text in texts for name in RECORDED.findall(text)]
    shown = {name for text in texts for name in METRIC.findall(text)}
    assert shown >= COUNTERS_AND_GAUGES
    assert shown >= {f"{name}_bucket" for name in HISTOGRAMS}


def test_alerts_say_what_is_wrong_and_how_bad() -> None:
    """Each alert waits a while, has a known severity and one sentence for the person it wakes."""
    alerts = [rule for rule in rules() if "alert" in rule]
    assert alerts
    for alert in alerts:
        assert re.fullmatch(r"\d+[smh]", alert["for"])
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"]["summary"].endswith(".")


def test_rule_names_are_unique() -> None:
    """No two rules write the same series or alert."""
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert len(names) == len(set(names))


def test_dashboard_panels_are_well_formed() -> None:
    """Each panel has its own id, a title, a description and targets with their own letters."""
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(letters) == len(set(letters))
        assert panel["fieldConfig"].keys() == {"defaults", "overrides"}


def test_dashboard_panels_do_not_overlap() -> None:
    """The panels lie side by side on Grafana's 24 columns, none over another."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }
        assert not taken & cells
        taken |= cells


def test_dashboard_asks_the_provisioned_datasource() -> None:
    """Panels, targets and variables name the datasource that Grafana is provisioned with."""
    source = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"][0]
    asked = [
        part["datasource"]
        for panel in panels()
        for part in (panel, *panel["targets"], *dashboard()["templating"]["list"])
    ]
    assert {(found["type"], found["uid"]) for found in asked} == {(source["type"], source["uid"])}
    assert source["url"] == "http://prometheus:9090"
