"""Metrics as text: of one worker in the format asked for, of several as one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    Reader: TypeAlias = Callable[[str], Iterable[Metric]]

#: The label that tells the replicas of one supervisor apart.
REPLICA: Final = "replica"
#: In the content type of a page in that format.
_OPENMETRICS: Final = "openmetrics"


def page(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the metrics and their content type: OpenMetrics where it is asked for, else text."""
    write, content_type = exposition.choose_encoder(accept)
    return write(registry), content_type


def merge(
    texts: Mapping[str, str], accept: str = "", *, wanted: int | None = None
) -> tuple[bytes, str]:
    """Return the pages of several replicas as one, each sample labelled with its replica.

    The pages are in the format that is asked for: in OpenMetrics each example of a bucket comes
    along, which the plain text has no place for. With `wanted` it is told too how many there should
    be, and how many have answered.
    """
    registry = CollectorRegistry(auto_describe=False)
    _, content_type = exposition.choose_encoder(accept)
    read = read_openmetrics if _OPENMETRICS in content_type else read_plain
    registry.register(_Merged(texts, wanted, read))
    return page(registry, accept)


def of_supervisor(*, wanted: int, answering: int) -> tuple[Metric, ...]:
    """Return what a supervisor tells of its replicas, beside what they tell themselves."""
    return (
        GaugeMetricFamily(
            "leveret_replicas_wanted",
            "Worker processes this supervisor keeps running.",
            value=wanted,
        ),
        GaugeMetricFamily(
            "leveret_replicas_answering",
            "Worker processes that told their figures for this page.",
            value=answering,
        ),
    )


class _Merged(Collector):
    def __init__(self, texts: Mapping[str, str], wanted: int | None, read: Reader) -> None:
        self._texts = texts
        self._wanted = wanted
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for replica, text in self._texts.items():
            for family in self._read(text):
                whole = families.setdefault(
                    family.name,
                    Metric(family.name, family.documentation, family.type),
                )
                for sample in family.samples:
                    labels = {REPLICA: replica, **sample.labels}
                    whole.samples.append(sample._replace(labels=labels))
        yield from families.values()
        if self._wanted is not None:
            yield from of_supervisor(wanted=self._wanted, answering=len(self._texts))
