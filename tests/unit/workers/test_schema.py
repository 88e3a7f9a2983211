"""What is published about messages is true: schemas, the AsyncAPI document, and what changed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from jsonschema import Draft202012Validator

import examples
from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from messages.changes import changes
from topology import Names
from workers.asyncapi import asyncapi_of, schemas_of
from workers.cli.schema import schema as command
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Document = dict[str, Any]


@pytest.fixture(scope="module")
def schemas() -> Document:
    """Return the schemas of the examples."""
    return schemas_of(examples.registry)


@pytest.fixture(scope="module")
def asyncapi() -> Document:
    """Return the AsyncAPI document of the examples."""
    return asyncapi_of(examples.registry, Names(), version="0.1.0")


def test_the_schema_document_is_itself_a_schema_of_every_message(schemas: Document) -> None:
    """It takes what we write and refuses what we would refuse."""
    Draft202012Validator.check_schema(schemas)
    validator = Draft202012Validator(schemas)
    payload = TaskRequestPayload(request=TaskRequest(task_type="echo"))
    good = orjson.loads(
        encode(Envelope(message_type="task_request", payload=payload, source_agent=agent()))
    )
    assert validator.is_valid(good)
    for wrong in (
        good | {"colour": "green"},
        good | {"message_type": "heartbeat"},
        good | {"ttl": 0},
        good | {"payload": {"request": good["payload"]["request"]}},
    ):
        assert not validator.is_valid(wrong)


def test_every_registered_type_is_in_the_schemas(schemas: Document) -> None:
    """Answers too, which no processor takes."""
    assert {"task_request", "batch", "resize_image", "image_resized"} <= schemas["messages"].keys()
    assert schemas["tasks"].keys() == set(examples.registry.task_types)
    assert "result" in schemas["tasks"]["word_statistics"]


def references(document: Any) -> Iterator[str]:
    """Yield every reference in a document."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def at(document: Document, reference: str) -> Any:
    """Return what a reference means; fails where it means nothing."""
    assert reference.startswith("#/")
    found: Any = document
    for key in reference[2:].split("/"):
        found = found[key.replace("~1", "/").replace("~0", "~")]
    return found


def test_the_asyncapi_document_keeps_the_rules_of_version_3(asyncapi: Document) -> None:
    """Those of its specification that concern what we write."""
    assert asyncapi["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= asyncapi["info"].keys()
    for reference in references(asyncapi):
        at(asyncapi, reference)
    for channel in asyncapi["channels"].values():
        assert channel.keys() <= {"address", "title", "description", "messages", "bindings"}
        assert channel["address"] is None or isinstance(channel["address"], str)
        for message in channel["messages"].values():
            assert message["$ref"].startswith("#/components/messages/")
    for operation in asyncapi["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert channel.startswith("#/channels/")
        for message in operation["messages"]:
            assert message["$ref"].startswith(channel + "/messages/")
        reply = operation["reply"]
        assert reply["address"]["location"].startswith(("$message.header#/", "$message.payload#/"))
        assert at(asyncapi, reply["channel"]["$ref"])["address"] is None
        for message in reply["messages"]:
            assert message["$ref"].startswith(reply["channel"]["$ref"] + "/messages/")
    for name, message in asyncapi["components"]["messages"].items():
        assert name.replace(".", "").replace("_", "").replace("-", "").isalnum()
        assert message["payload"].keys() == {"schemaFormat", "schema"}
        location = at(asyncapi, message["correlationId"]["$ref"])["location"]
        assert location.startswith("$message.payload#/")


def test_every_message_of_the_asyncapi_document_has_an_example_that_is_valid(
    asyncapi: Document,
) -> None:
    """Against its own schema, and the decoder took it before it was printed."""
    for name, message in asyncapi["components"]["messages"].items():
        (shown,) = message["examples"]
        schema = {"components": asyncapi["components"], **message["payload"]["schema"]}
        Draft202012Validator(schema).validate(shown["payload"])
        assert shown["payload"]["message_type"] == name.partition(".")[0]


def definition(document: Document, name: str) -> Document:
    """Return the definition of a payload."""
    found: Document = document["$defs"][name]
    return found


CHANGES: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "a new required field": (
        lambda d: (
            definition(d, "ResizeImage")["properties"].update(dpi={"type": "integer"}),
            definition(d, "ResizeImage")["required"].append("dpi"),
        ),
        "resize_image.payload.dpi",
        "readers",
    ),
    "a new optional field": (
        lambda d: definition(d, "ResizeImage")["properties"].update(dpi={"type": "integer"}),
        "resize_image.payload.dpi",
        "both",
    ),
    "a field gone that was required": (
        lambda d: (
            definition(d, "ResizeImage")["properties"].pop("width"),
            definition(d, "ResizeImage")["required"].remove("width"),
        ),
        "resize_image.payload.width",
        "none",
    ),
    "another type": (
        lambda d: definition(d, "ResizeImage")["properties"]["width"].update(type="string"),
        "resize_image.payload.width",
        "none",
    ),
    "a narrower bound": (
        lambda d: definition(d, "TaskRequest")["properties"]["priority"].update(maximum=5),
        "task_request.payload.request.priority",
        "readers",
    ),
    "a wider bound": (
        lambda d: definition(d, "TaskRequest")["properties"]["priority"].update(maximum=50),
        "task_request.payload.request.priority",
        "writers",
    ),
    "a new value": (
        lambda d: definition(d, "AgentRole")["enum"].append("boss"),
        "heartbeat.payload.agent_status.role",
        "writers",
    ),
    "a value gone": (
        lambda d: definition(d, "AgentRole")["enum"].remove("observer"),
        "heartbeat.payload.agent_status.role",
        "readers",
    ),
    "other words": (
        lambda d: definition(d, "ResizeImage").update(description="else"),
        "resize_image.payload",
        "both",
    ),
    "a message type gone": (
        lambda d: d["messages"].pop("resize_image"),
        "resize_image",
        "readers",
    ),
    "a task type gone": (lambda d: d["tasks"].pop("echo"), "echo", "readers"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_told_with_whom_it_breaks(schemas: Document, case: str) -> None:
    """At its place, once a message."""
    change, place, compatible = CHANGES[case]
    new = copy.deepcopy(schemas)
    change(new)
    found = {one.place: one.compatible for one in changes(schemas, new)}
    assert found[place] == compatible


def test_nothing_changed_is_no_change(schemas: Document) -> None:
    """Recursive schemas end, too."""
    assert changes(schemas, copy.deepcopy(schemas)) == ()


def test_the_command_exits_with_1_where_a_change_breaks_somebody(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """And prints a line for each change."""
    assert command("examples:registry") == 0
    saved = orjson.loads(capfdbinary.readouterr().out)
    file = tmp_path / "schema.json"
    file.write_bytes(orjson.dumps(saved))
    assert command("examples:registry", check=file) == 0
    definition(saved, "ResizeImage")["properties"]["width"]["type"] = "string"
    file.write_bytes(orjson.dumps(saved))
    assert command("examples:registry", check=file, json=True) == 1
    (line,) = capfdbinary.readouterr().out.splitlines()
    assert orjson.loads(line)["compatible"] == "none"
