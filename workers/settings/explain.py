"""Every setting, its value and where it came from, for people; secrets hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from workers.settings.model import Settings


#: The source of what nobody has set.
DEFAULT: Final = "default"


class Row(NamedTuple):
    """One setting as `leveret config show` prints it."""

    name: str
    #: As it would be written; passwords replaced by `***`.
    value: str
    #: A flag, a variable, a file, or `default`.
    source: str

    @property
    def default(self) -> bool:
        """Whether nobody said anything about it."""
        return self.source == DEFAULT


def explain(settings: Settings) -> tuple[Row, ...]:
    """Return a row for each setting and for each value of each group, in the order of the model."""
    rows: list[Row] = []
    for name, value in settings.model_dump(mode="json").items():
        source = settings.sources.get(name, DEFAULT)
        if not isinstance(value, Mapping):
            rows.append(Row(name, _shown(value), source))
            continue
        for group, table in value.items():
            given = settings.groups[group].model_fields_set
            rows.extend(
                Row(
                    f"groups.{group}.{key}",
                    _shown(one),
                    source if key in given else DEFAULT,
                )
                for key, one in table.items()
            )
    return tuple(rows)


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "on" if value else "off"
        case _:
            return str(value)
