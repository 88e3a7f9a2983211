"""Writes docs/configuration.md and docs/metrics.md from the code they describe.

python docs/generate.py            # write them
python docs/generate.py --check    # exit 1 and say which are out of date

What a setting means is the `#:` comment above it, so it is written once, where it is changed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from messages import ErrorCode
from workers.metrics.durations import BUCKETS
from workers.metrics.exposition import of_supervisor
from workers.metrics.metrics import Metrics
from workers.metrics.tally import OUTCOMES
from workers.settings import Settings, explain
from workers.settings.bounds import Bounds
from workers.settings.durations import parse_duration, parse_size
from workers.settings.groups import GroupSettings
from workers.settings.lists import rungs, split
from workers.settings.secret_url import SecretUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

DOCS: Final = Path(__file__).parent
#: Settings whose default is made on the machine that runs.
_MADE: Final = {"agent_id": "host name and process id"}
_FIELD: Final = re.compile(r"    (?P<name>\w+): ")
_COMMENT: Final = re.compile(r"    #: (?P<text>.*)")
#: What a type's samples are called behind the name of the family.
_SUFFIX: Final = {"counter": "_total", "info": "_info"}


def configuration() -> str:
    """Return the page about settings."""
    shown = {"groups": ""} | {row.name: row.value for row in explain(Settings())}
    group = {
        row.name.rpartition(".")[2]: row.value
        for row in explain(Settings(groups={"default": GroupSettings()}))
        if row.name.startswith("groups.")
    }
    variables = "\n".join(
        _row(f"`LEVERET_{name.upper()}`", field, _MADE.get(name) or _code(shown[name]), about)
        for name, field, about in _fields(Settings)
    )
    keys = "\n".join(
        _row(f"`{name}`", field, _code(group[name]), about)
        for name, field, about in _fields(GroupSettings)
    )
    return _written("configuration.md.template", variables=variables, keys=keys)


def metrics() -> str:
    """Return the page about metrics."""
    families = [*Metrics(group="default").collect(), *of_supervisor(wanted=0, answering=0)]
    return _written(
        "metrics.md.template",
        families="\n".join(sorted(map(_family, families))),
        outcomes=_list(OUTCOMES.values()),
        codes=_list(code.value for code in ErrorCode),
        buckets=", ".join(f"{bound:g}" for bound in BUCKETS),
    )


PAGES: Final = {"configuration.md": configuration, "metrics.md": metrics}


def _family(metric: Metric) -> str:
    name = metric.name + _SUFFIX.get(metric.type, "")
    labels: tuple[str, ...] = getattr(metric, "_labelnames", ())
    if metric.type == "info":
        labels = tuple(dict.fromkeys(key for one in metric.samples for key in one.labels))
    shown = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}` | {metric.type} | {shown} | {metric.documentation} |"


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, str]]:
    """Yield each setting with what the comment above it says; raises KeyError without one."""
    said: dict[str, str] = {}
    comment: list[str] = []
    for line in inspect.getsource(model).splitlines():
        if found := _COMMENT.fullmatch(line):
            comment.append(found["text"])
        elif found := _FIELD.match(line):
            said[found["name"]] = " ".join(comment)
            comment = []
    for name, field in model.model_fields.items():
        if not said[name]:
            raise KeyError(f"{model.__name__}.{name} has no `#:` comment that says what it means")
        yield name, field, said[name]


def _row(name: str, field: FieldInfo, default: str, about: str) -> str:
    return f"| {name} | {_kind(field)} | {default} | {about} |"


def _kind(field: FieldInfo) -> str:
    """Return what may be written, for people."""
    plain, checks = _without_none(field)
    made_by = [getattr(one, "func", None) for one in checks]
    ranges = [one for one in map(_bounds, made_by) if one is not None]
    limits = "".join(f", {one.show(one.least)} to {one.show(one.most)}" for one in ranges)
    if get_origin(plain) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(plain))
    for parser, kind in (
        (parse_duration, f"duration{limits}"),
        (parse_size, f"size{limits}"),
        (rungs, "durations, with commas"),
        (split, "texts, with commas"),
    ):
        if parser in made_by:
            return kind
    if get_origin(plain) is Mapping:
        return "tables, see below; in a variable JSON"
    kinds: dict[Any, str] = {
        bool: "`on`, `off`",
        int: f"number{limits}{_words(field)}",
        str: "text",
        Path: "path",
        SecretUrl: "address",
    }
    return kinds[plain]


def _words(field: FieldInfo) -> str:
    """Return the words that may stand in the place of a number, for people."""
    alternatives = (one for one in get_args(field.annotation) if get_origin(one) is Literal)
    return "".join(f", or `{word}`" for one in alternatives for word in get_args(one))


def _without_none(field: FieldInfo) -> tuple[Any, list[Any]]:
    """Return the type and what checks it, of a setting that may be absent too."""
    annotation = field.annotation
    if get_origin(annotation) in {Union, UnionType}:
        (annotation,) = (
            one
            for one in get_args(annotation)
            if one is not type(None) and get_origin(one) is not Literal
        )
    if get_origin(annotation) is Annotated:
        annotation, *checks = get_args(annotation)
        return annotation, [*field.metadata, *checks]
    return annotation, field.metadata


def _bounds(check: object) -> Bounds | None:
    owner = getattr(check, "__self__", None)
    return owner if isinstance(owner, Bounds) else None


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _list(values: Any) -> str:
    return " · ".join(f"`{value}`" for value in values)


def _written(template: str, **parts: str) -> str:
    text = (DOCS / "templates" / template).read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are out of date."""
    stale = [
        name
        for name, made in PAGES.items()
        if not (page := DOCS / name).exists() or page.read_text(encoding="utf-8") != made()
    ]
    if arguments == ["--check"]:
        for name in stale:
            sys.stderr.write(f"docs/{name} is out of date: run python docs/generate.py\n")
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
