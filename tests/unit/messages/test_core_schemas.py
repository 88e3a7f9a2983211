"""Whatever an author's fields, tags and types are called, a message is judged as the model does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import orjson
import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from messages import Catalog, Payload
from messages.bounded import Bounded
from messages.trusting import Trusting

if TYPE_CHECKING:
    from collections.abc import Callable


class Point(NamedTuple):
    """Used twice, it is a definition of its own."""

    x: int
    label: str


Bag = TypeAliasType("Bag", dict[str, Any])
Count = TypeAliasType("Count", Annotated[int, Field(le=9)])
Tree = TypeAliasType("Tree", "dict[str, Tree | int]")


class Strict(BaseModel):
    """What it says of all values holds in definitions, too."""

    model_config = ConfigDict(strict=True, str_max_length=3)
    a: Point = Point(1, "a")
    b: Point = Point(1, "a")
    one: Bag = {}
    two: Bag = {}
    count: Count = 0
    counts: list[Count] = []


class Recursive(BaseModel):
    """A definition that holds itself."""

    model_config = ConfigDict(strict=True)
    tree: Tree = {}
    more: Tree = {}


class Words(TypedDict, total=False):
    """Fields that are called as the library calls parts of a schema."""

    type: str
    fields: list[int]
    choices: dict[str, int]
    config: int
    default: int


class Cat(BaseModel):
    """A member of a union."""

    type: Literal["type"]
    fields: list[int] = []
    items_schema: int = 0


class Dog(BaseModel):
    """The other one."""

    type: Literal["fields"]
    choices: dict[str, int] = {}
    ref: str = ""


class Named(BaseModel):
    """The same, in a model and as tags."""

    type: str = ""
    schema_: list[int] = []
    keys_schema: dict[str, int] = {}
    metadata: list[int] = []
    words: Words = {}
    pet: Annotated[Cat | Dog, Field(discriminator="type")] | None = None


def _flat(value: Any, handler: Any) -> Any:
    """Lose the places of what is wrong."""
    try:
        return handler(value)
    except ValidationError as error:
        raise ValidationError.from_exception_data(
            "flat", [{"type": row["type"], "loc": (), "input": 0} for row in error.errors()]
        ) from None


class Made(BaseModel):
    """Validators of the author's before and around what holds many."""

    floats: Annotated[
        dict[str, Any], BeforeValidator(lambda v: {float(k): x for k, x in v.items()})
    ]
    flat: Annotated[list[int], WrapValidator(_flat)] = []
    whole: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _shift(cls, value: Any) -> Any:
        return {**value, "whole": dict(enumerate(value.get("whole", ())))}


DOCUMENTS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (Strict, {"a": ["1", "too long"], "b": [1, "a"]}),
    (Strict, {"a": [1, "a"], "b": [1, "long"], "one": {"long key": 1, "longer": 2}}),
    (Strict, {"two": {"too long": 1}, "count": "1", "counts": [1, "2", 10, "x"]}),
    (Strict, {"count": 3, "one": {"a": "b"}, "two": {}}),
    (Recursive, {"tree": {"a": {"b": "1", "c": "2"}}, "more": {"a": 1}}),
    (Recursive, {"tree": {"a": {"b": 1}}}),
    (Named, {"type": 1, "schema_": ["a", "b"], "metadata": ["a", "b"]}),
    (Named, {"keys_schema": {"a": "x", "b": "y"}, "words": {"type": 1, "fields": ["a", "b"]}}),
    (Named, {"words": {"choices": {"a": "x", "b": "y"}, "config": "x", "default": "y"}}),
    (Named, {"pet": {"type": "type", "fields": ["a", "b"], "items_schema": "x"}}),
    (Named, {"pet": {"type": "fields", "choices": {"a": "x", "b": "y"}, "ref": 1}}),
    (Named, {"type": "t", "pet": {"type": "fields"}, "words": {"type": "x"}}),
    (Made, {"floats": {"1": 1, "2": 2, "3": 3}}),
    (Made, {"floats": {}, "flat": ["a", "b", "c"]}),
    (Made, {"floats": {}, "whole": ["a", "b"]}),
]


@pytest.mark.parametrize(("model", "document"), DOCUMENTS)
def test_the_quick_validator_judges_as_the_model_does(
    model: type[BaseModel], document: dict[str, Any]
) -> None:
    """Good is good, bad is bad, and as many errors are told as there are."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    bounded, body = Bounded(adapter), orjson.dumps(document)
    judged = [
        _judged(validate, body) for validate in (adapter.validate_json, bounded.validate_json)
    ]
    if not isinstance(judged[0], ValidationError):
        assert judged[0] == judged[1]
        return
    assert isinstance(judged[1], ValidationError)
    found = bounded.findings(body, judged[1])
    assert (found.total, found.exact) == (judged[0].error_count(), True)


def _judged(validate: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return validate(body)
    except ValidationError as error:
        return error


class Typed(Payload, type="type"):
    """A message type that is a word of the library's, with such a field."""

    type: str
    strict: bool = False


class Fields(Payload, type="fields"):
    """Another one."""

    fields: list[int] = []


def test_message_types_may_be_words_of_the_library() -> None:
    """In each lane."""
    catalog = Catalog([Typed, Fields])
    envelope = {
        "message_type": "type",
        "source_agent": {
            "agent_id": "a",
            "role": "worker",
            "capabilities": ["task_execution"],
            "load_factor": 0,
        },
        "payload": {"message_type": "type", "type": "x", "strict": True},
    }
    body = orjson.dumps(envelope)
    for read in (catalog.decode, Trusting(catalog).read):
        assert read(body).payload == Typed(type="x", strict=True)
