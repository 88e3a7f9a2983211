"""Families of samples as Prometheus' library wants them, from plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.metrics.durations import Durations


def counted(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    """Return a counter with a series for each value of its label."""
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def plain(name: str, text: str, count: int) -> CounterMetricFamily:
    """Return a counter without labels."""
    return CounterMetricFamily(name, text, value=count)


def measured(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Return a gauge with a series for each value of its label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def timed(name: str, text: str, durations: Durations) -> HistogramMetricFamily:
    """Return a histogram without labels."""
    buckets, total = durations.buckets()
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=total)
