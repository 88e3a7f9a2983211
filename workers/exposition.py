"""Metrics as text: of one worker in the format asked for, of several as one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: The label that tells the replicas of one supervisor apart.
REPLICA: Final = "replica"


def page(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the metrics and their content type: OpenMetrics where it is asked for, else text."""
    write, content_type = exposition.choose_encoder(accept)
    return write(registry), content_type


def merge(texts: Mapping[str, str], accept: str = "") -> tuple[bytes, str]:
    """Return the pages of several replicas as one, each sample labelled with its replica."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(texts))
    return page(registry, accept)


class _Merged(Collector):
    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for replica, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                whole = families.setdefault(
                    family.name,
                    Metric(family.name, family.documentation, family.type),
                )
                for sample in family.samples:
                    labels = {REPLICA: replica, **sample.labels}
                    whole.samples.append(sample._replace(labels=labels))
        yield from families.values()
