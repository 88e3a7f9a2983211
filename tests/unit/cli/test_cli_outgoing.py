"""How a body is sent: its key, its type, and whether we say where its answer goes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
import pytest
from pydantic import ValidationError

from messages import SHIPPED_PAYLOADS, Catalog
from topology import Names
from workers.cli.outgoing import JSON, JSON_RPC, Outgoing, Task, outgoing, payload_message
from workers.cli.outgoing import task_message as made

NAMES = Names()
ID = "b8a0b1a6-3f83-4a3f-9f0e-3c8d6a1f0d11"


def envelope(task_type: object = "echo", priority: object = 5, **more: Any) -> bytes:
    """Return the envelope of a task request."""
    request = {"task_type": task_type, "priority": priority}
    payload = {"message_type": "task_request", "request": request}
    return orjson.dumps({"envelope_id": ID, "payload": payload, **more})


def of(body: bytes, **options: Any) -> Outgoing:
    """Return how a body goes out."""
    return outgoing(body, NAMES, **options)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (envelope(), "task_request.echo"),
        (envelope("ECHO"), "task_request.echo"),
        (envelope(priority=8), "task_request.echo.urgent"),
        (envelope(priority="9"), "task_request.echo"),
        (envelope(priority=True), "task_request.echo"),
        (envelope("no such type"), "task_request"),
        (b'{"message_type":"resize_image"}', "resize_image"),
        (b'{"payload":{"message_type":"document"}}', "document"),
        (b'{"message_type":"a.b"}', "unknown"),
        (b'{"message_type":7}', "unknown"),
        (b'{"not":"an envelope"}', "unknown"),
        (b"[1]", "unknown"),
        (b"\xff\xfe", "unknown"),
        (b"", "unknown"),
    ],
)
def test_the_key_comes_from_message_and_task_type(body: bytes, key: str) -> None:
    """Whatever the body is there is a key for it, and urgent ones get the urgent one."""
    assert of(body).routing_key == key
    assert of(body).body == body
    assert of(body).content_type == JSON


def test_a_key_that_is_given_wins() -> None:
    """People know what they bound."""
    assert of(envelope(), routing_key="my.key").routing_key == "my.key"
    assert of(b"", routing_key="").routing_key == ""


def test_an_envelopes_own_reply_address_and_correlation_id_are_left_to_it() -> None:
    """Saying another one in the properties would make the message invalid."""
    own = of(envelope(reply_to="agent://a/b", correlation_id=ID.upper()))
    assert (own.reply_to, own.correlation_id) == ("agent://a/b", ID)
    assert own.own_correlation == ID
    none = of(envelope(reply_to=None))
    assert (none.reply_to, none.correlation_id) == (None, None)
    assert none.own_correlation == ID


def test_direct_reply_to_in_an_envelope_is_nobodys_address() -> None:
    """It is only good on the channel that asked, so ours may stand in its place."""
    assert of(envelope(reply_to="amq.rabbitmq.reply-to")).reply_to is None


def test_bytes_that_say_nothing_get_an_id_of_their_own_each_time() -> None:
    """Two of them are told apart by their answers."""
    assert of(b"x").own_correlation != of(b"x").own_correlation


def rpc(**more: Any) -> dict[str, Any]:
    """Return a JSON-RPC request."""
    params = {"request": {"task_type": "echo", "priority": 9}}
    return {"jsonrpc": "2.0", "method": "task_request", "params": params, **more}


def test_json_rpc_is_sent_as_such() -> None:
    """Its method is the message type, and its id what the answer is known by."""
    told = of(orjson.dumps(rpc(id=ID)))
    assert (told.content_type, told.routing_key) == (JSON_RPC, "task_request.echo.urgent")
    assert told.own_correlation == ID
    assert told.answered
    assert of(orjson.dumps(rpc(id=7))).answered


def test_a_notification_is_not_waited_for() -> None:
    """JSON-RPC without an id is never answered; a batch is if one of it has an id."""
    assert not of(orjson.dumps(rpc())).answered
    assert not of(orjson.dumps([rpc(), rpc()])).answered
    assert of(orjson.dumps([rpc(), rpc(id=1)])).answered
    assert of(orjson.dumps([rpc(), 7])).answered
    assert of(orjson.dumps([rpc(id=1)])).content_type == JSON_RPC


def test_a_task_from_the_command_line_is_a_message_a_worker_takes() -> None:
    """With the parameters as they were read."""
    body = made(Task("echo", {"a": {"b": 1}}, 8, "1000", 60), "me")
    message = Catalog(SHIPPED_PAYLOADS).decode(body)
    assert message.ttl == 60
    assert message.payload.request.parameters == {"a": {"b": 1}}  # type: ignore[attr-defined] # of a task
    assert of(body).routing_key == "task_request.echo.urgent"


@pytest.mark.parametrize(
    "task", [Task("no pe", {}, 5, "0", 30), Task("a", {}, 9, "0", 30), Task("a", {}, 5, "x", 30)]
)
def test_a_task_that_no_worker_would_take_is_not_made(task: Task) -> None:
    """It is told before anything is sent."""
    with pytest.raises(ValidationError):
        made(task, "me")


def test_a_payload_of_any_type_is_wrapped_in_an_envelope() -> None:
    """Its model is the worker's to know."""
    body = payload_message("resize_image", {"url": "u"}, ttl=5, agent_id=str(uuid4()))
    document = orjson.loads(body)
    assert document["payload"] == {"message_type": "resize_image", "url": "u"}
    assert of(body).routing_key == "resize_image"
