"""How many errors a message has is told truly, though most messages are validated once."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from messages.bounded import Bounded


class Inner(BaseModel):
    """Lists, mappings and plain values in one another."""

    count: int = 0
    numbers: list[int] = []
    scores: dict[str, int] = {}
    free: dict[str, Any] = {}
    deep: dict[str, list[int]] = {}
    pair: tuple[int, int] = (0, 0)


class Short(BaseModel):
    """Every text has a bound, keys too."""

    model_config = ConfigDict(str_max_length=3)
    free: dict[str, Any] = {}
    name: str = ""


class Typed(TypedDict, total=False):
    """No model, but fields all the same."""

    scores: dict[str, int]
    number: int


class Leaf(BaseModel):
    """Comes again below itself."""

    value: int = 0
    below: dict[str, Leaf] = {}


class Outer(BaseModel):
    """All of it."""

    inner: Inner = Inner()
    many: list[Inner] = []
    short: Short = Short()
    typed: Typed = {}
    either: int | dict[str, int] = 0
    tree: dict[str, Leaf] = {}


class Renamed(Outer):
    """With a mapping that is told by another name."""

    renamed: Annotated[dict[str, int], Field(alias="other")] = {}


ADAPTERS = [TypeAdapter(Outer), TypeAdapter(Renamed)]
ALL_BOUNDED = [Bounded(adapter) for adapter in ADAPTERS]
VALUES = st.sampled_from([1, "bad", None, "long text", [1, "bad", "bad"], {"a": "bad", "b": "bad"}])
NAMES = st.sampled_from(
    ["count", "numbers", "scores", "free", "deep", "pair", "name", "a", "bcdef"]
)


def documents() -> st.SearchStrategy[Any]:
    """Return documents that have the fields, and much in them that does not fit."""
    inner = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=3), max_size=4)
    leaf = st.recursive(
        st.fixed_dictionaries({}, optional={"value": VALUES}),
        lambda below: st.fixed_dictionaries(
            {}, optional={"value": VALUES, "below": st.dictionaries(NAMES, below, max_size=2)}
        ),
        max_leaves=4,
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "inner": inner | VALUES,
            "many": st.lists(inner, max_size=3) | VALUES,
            "short": inner,
            "typed": inner,
            "other": inner,
            "either": inner | VALUES,
            "tree": st.dictionaries(NAMES, leaf, max_size=3),
        },
    )


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(document=documents())
def test_the_number_of_errors_is_that_of_a_thorough_validation(
    adapter: TypeAdapter[Outer], document: Any
) -> None:
    """Whether anything was left out is seen from where the errors are."""
    bounded = ALL_BOUNDED[ADAPTERS.index(adapter)]
    body = orjson.dumps(document)
    try:
        bounded.validate_json(body)
    except ValidationError as error:
        found = bounded.findings(body, error)
    else:
        adapter.validate_json(body)
        return
    with pytest.raises(ValidationError) as whole:
        adapter.validate_json(body)
    assert found.exact
    assert found.total == whole.value.error_count()
    assert found.rows == whole.value.errors(include_url=False, include_input=False)


def test_most_messages_are_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain field that does not fit, beside lists and mappings that do."""
    bounded = ALL_BOUNDED[0]
    body = b'{"inner": {"count": "bad", "numbers": [1], "free": {"a": null}}}'
    monkeypatch.setattr(bounded, "_thorough", None)
    with pytest.raises(ValidationError) as error:
        bounded.validate_json(body)
    assert bounded.findings(body, error.value).total == 1
