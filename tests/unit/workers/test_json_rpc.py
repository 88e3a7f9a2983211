"""JSON-RPC 2.0 in the pipeline: as the public specification prints it, with ends for everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from calling import EXAMPLES, Words, calling, without_data

from workers import Context, Registry
from workers.outcome import Batched, DeadLettered, Delivery, Expired, Properties, Replied, Retried
from workers.recovery import NotNow
from workers.testing import USER, Rehearsal, read

RPC = Properties(content_type="application/json-rpc", reply_to="asker", correlation_id="c-1")


async def told(body: str | bytes, properties: Properties = RPC, seen: list[str] | None = None):  # noqa: ANN201 - an outcome of any kind
    """Return what becomes of a call."""
    raw = body if isinstance(body, bytes) else body.encode()
    return await Rehearsal(calling(seen)).bytes(raw, properties)


def call(method: object, params: object = None, call_id: object = 1, **more: Any) -> bytes:
    """Return a request."""
    document = {"jsonrpc": "2.0", "method": method, "id": call_id, **more}
    return json.dumps(document if params is None else document | {"params": params}).encode()


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_of_the_specification_behaves_as_printed(name: str) -> None:
    """All of its example section, in its order."""
    request, printed = EXAMPLES[name]
    outcome = await told(request)
    if printed is None:
        assert outcome.answer is None
        return
    assert outcome.answer.content_type == "application/json-rpc"
    assert outcome.answer.correlation_id == "c-1"
    assert without_data(json.loads(outcome.answer.body)) == json.loads(printed)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_each_request_of_a_message_has_exactly_one_end(name: str) -> None:
    """Notifications and invalid ones too."""
    request, _ = EXAMPLES[name]
    outcome = await told(request)
    if isinstance(outcome, Batched):
        assert len(outcome.ends) == len(json.loads(request))
        assert all(isinstance(end.outcome, Replied | DeadLettered) for end in outcome.ends)
        assert all(end.outcome.answer is None for end in outcome.ends)
    else:
        assert isinstance(outcome, Replied | DeadLettered)


async def test_a_dead_letter_of_a_batch_is_the_call_alone_as_it_came() -> None:
    """So that it can be mended and sent again by itself."""
    body = b'[ {"jsonrpc":"2.0", "method":"nope" ,"id":7},{"jsonrpc":"2.0","method":"get_data"}]'
    outcome = await told(body)
    dead, done = outcome.ends
    assert dead.delivery.body == b'{"jsonrpc":"2.0", "method":"nope" ,"id":7}'
    assert dead.delivery.properties.content_type == "application/json-rpc"
    assert isinstance(done.outcome, Replied)


@pytest.mark.parametrize(
    "call_id",
    [1, 0, -7, 1.5, "x", "", "ü", None, 2**63, "0DC02486-D50D-4925-A32F-9F594EB69B4C"],
)
async def test_an_id_comes_back_as_it_came(call_id: object) -> None:
    """Its type and its writing are the caller's."""
    answer = read((await told(call("get_data", call_id=call_id))).answer)
    assert answer["id"] == call_id
    assert type(answer["id"]) is type(call_id)


@pytest.mark.parametrize("call_id", [True, [], {}, [1]])
async def test_an_id_that_is_none_is_an_invalid_request(call_id: object) -> None:
    """The specification allows strings, numbers and null."""
    answer = read((await told(call("get_data", call_id=call_id))).answer)
    assert (answer["error"]["code"], answer["id"]) == (-32600, None)


async def test_a_uuid_becomes_the_envelope_id() -> None:
    """Logs and dead letters of both forms are found by one id."""
    outcome = await told(call("get_data", call_id="0DC02486-D50D-4925-A32F-9F594EB69B4C"))
    assert str(outcome.subject.envelope_id) == "0dc02486-d50d-4925-a32f-9f594eb69b4c"


async def test_a_message_id_gives_every_attempt_the_same_envelope_id() -> None:
    """A redelivered call is known again, another call with the same id is another."""
    properties = RPC._replace(message_id="m-1")
    first = await told(call("get_data"), properties)
    again = await told(call("get_data"), properties)
    other = await told(call("get_data"), properties._replace(message_id="m-2"))
    assert first.subject.envelope_id == again.subject.envelope_id != other.subject.envelope_id


CODES = {
    "-32600, a wrong version": (call("get_data", jsonrpc="1.0"), -32600, "jsonrpc"),
    "-32600, params that are text": (call("get_data", "no"), -32600, "params"),
    "-32600, an unknown member": (call("get_data", extra=1), -32600, "extra"),
    "-32600, an unknown fact": (call("get_data", leveret={"tl": 1}), -32600, "leveret.tl"),
    "-32600, a misfit fact": (call("get_data", leveret={"ttl": 0}), -32600, "leveret.ttl"),
    "-32601, a task": (call("task_request.nope"), -32601, None),
    "-32601, no task's name": (call("task_request.a b"), -32601, None),
    "-32602, missing": (call("subtract", {"minuend": 1}), -32602, "params.subtrahend"),
    "-32602, by position": (call("subtract", [1, "x"]), -32602, "params.1"),
    "-32602, too many": (call("subtract", [1, 2, 3]), -32602, "params"),
    "-32602, the type again": (
        call("get_data", {"message_type": "get_data"}),
        -32602,
        "params.message_type",
    ),
    "-32602, a task's": (call("task_request.echo", {"text": 5}), -32602, "params.text"),
    "-32602, a task's by position": (call("task_request.echo", ["a"]), -32602, "params"),
    "-32602, a task's own fields": (
        call("task_request", {"request": {"task_type": "echo", "priority": "5"}}),
        -32602,
        "params.request.priority",
    ),
    "-32603, refused by its processor": (call("task_request.reject"), -32603, None),
    "-32700, a key twice": (
        b'{"jsonrpc":"2.0","method":"get_data","method":"sum","id":1}',
        -32700,
        "method",
    ),
}


@pytest.mark.parametrize("case", CODES)
async def test_an_error_has_its_standard_code_and_says_where_in_the_call_it_is(case: str) -> None:
    """Places are those of the call, not of an envelope it never had."""
    body, code, place = CODES[case]
    outcome = await told(body)
    error = read(outcome.answer)["error"]
    assert error["code"] == code
    data = error["data"]
    assert [one["field_path"] for one in data["errors"]][:1] == ([place] if place else [])
    assert data["dead_letter_id"] == outcome.letter_id


async def test_a_task_asked_for_shortly_is_answered_with_its_result_alone() -> None:
    """`task_request.echo` takes the parameters as params and gives the result data back."""
    answer = read((await told(call("task_request.echo", {"text": "hi"}))).answer)
    assert answer["result"] == {"text": "hi", "failures": 0}


async def test_a_task_asked_for_at_length_is_answered_at_length() -> None:
    """The result is the payload of the answer, its discriminator included."""
    params = {"request": {"task_type": "echo", "parameters": {"text": "hi"}}}
    result = read((await told(call("task_request", params))).answer)["result"]
    assert result["message_type"] == "task_response"
    assert result["response"]["result_data"]["text"] == "hi"


async def test_a_notification_that_fails_is_a_dead_letter_and_silence() -> None:
    """Not even an error is answered, and nothing is lost."""
    outcome = await told('{"jsonrpc":"2.0","method":"subtract","params":["x"]}')
    assert isinstance(outcome, DeadLettered)
    assert outcome.answer is None


async def test_an_expired_call_says_so() -> None:
    """JSON-RPC has a code of its own for it."""
    stale = {"ttl": 1, "timestamp": "2020-01-01T00:00:00Z"}
    outcome = await told(call("get_data", leveret=stale))
    assert isinstance(outcome, Expired)
    assert read(outcome.answer)["error"]["code"] == -32003


@pytest.mark.parametrize(
    ("properties", "body"),
    [
        (Properties(content_type="Application/JSON-RPC; charset=utf-8"), b"x"),
        (Properties(), b'{"jsonrpc": "2.0", '),
        (Properties(content_type="application/json-rpc", content_encoding="gzip"), b"x"),
    ],
)
async def test_what_was_meant_as_a_call_is_refused_as_one(
    properties: Properties, body: bytes
) -> None:
    """By its content type, or because it begins like one."""
    outcome = await told(body, properties._replace(reply_to="asker"))
    assert isinstance(outcome, DeadLettered)
    assert read(outcome.answer)["jsonrpc"] == "2.0"


async def test_an_envelope_that_speaks_of_jsonrpc_is_none() -> None:
    """Only the top level of a document decides its form."""
    outcome = await Rehearsal(calling()).task("echo", {"text": '"jsonrpc"'})
    assert read(outcome.answer)["payload"]["response"]["result_data"]["text"] == '"jsonrpc"'


async def test_a_batch_is_bounded() -> None:
    """A small body must not cost a million dead letters."""
    outcome = await told("[" + ",".join(["1"] * 1001) + "]")
    assert isinstance(outcome, DeadLettered)
    assert read(outcome.answer)["error"]["code"] == -32600


def retried(outcome: Batched) -> Delivery:
    """Return the copy a batch waits as, as it comes back."""
    assert outcome.rest is not None
    copy = outcome.rest.delivery
    headers = {"leveret-attempts": outcome.rest.outcome.attempt}
    return copy._replace(properties=copy.properties._replace(user_id=USER, headers=headers))


async def test_a_batch_that_waits_for_one_call_does_no_other_again() -> None:
    """Its answer is one array in the end, in the order of the calls."""
    seen: list[str] = []
    rehearsal = Rehearsal(calling(seen))
    several = [
        json.loads(call("task_request.echo", {"text": "a"}, 1)),
        json.loads(call("task_request.flaky", {"text": "b", "failures": 1}, 2)),
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [1]},
        json.loads(call("nope", call_id=4)),
    ]
    first = await rehearsal.bytes(json.dumps(several).encode(), RPC)
    assert isinstance(first, Batched)
    assert first.rest is not None
    assert isinstance(first.rest.outcome, Retried)
    assert first.answer is None
    assert [type(end.outcome) for end in first.ends] == [Replied, Replied, DeadLettered]
    second = await rehearsal.delivery(retried(first))
    assert second.rest is None
    answer = read(second.answer)
    assert [one["id"] for one in answer] == [1, 2, 4]
    assert answer[1]["result"]["text"] == "b"
    assert seen == ["echo a", "flaky b 1", "notify_hello", "flaky b 2"]


async def test_responses_are_kept_when_what_was_waited_for_was_a_notification() -> None:
    """The last call to end needs no answer of its own for the others to have theirs."""
    rehearsal = Rehearsal(calling())
    waiting = {"jsonrpc": "2.0", "method": "task_request.flaky", "params": {"failures": 1}}
    body = json.dumps([json.loads(call("get_data", call_id="x")), waiting]).encode()
    second = await rehearsal.delivery(retried(await rehearsal.bytes(body, RPC)))
    assert [one["id"] for one in read(second.answer)] == ["x"]


async def test_a_stranger_cannot_put_responses_into_a_batch() -> None:
    """They are believed in our own copies only."""
    outcome = await told('[{"jsonrpc":"2.0","result":1,"id":1}]')
    assert read(outcome.answer)[0]["error"]["code"] == -32600


async def test_a_batch_is_answered_at_the_one_address_its_calls_name() -> None:
    """A call that wants its answer elsewhere contradicts the batch."""
    here, there = {"reply_to": "agent://a/box"}, {"reply_to": "agent://b/box"}
    several = [
        json.loads(call("get_data", call_id=n, leveret=fact))
        for n, fact in enumerate((here, here, there))
    ]
    outcome = await told(json.dumps(several), Properties())
    assert outcome.answer.routing_key == "agent.a.box"
    assert [one["id"] for one in read(outcome.answer)] == [0, 1]
    assert isinstance(outcome.ends[2].outcome, DeadLettered)


def put_off() -> Rehearsal:
    """Return a worker with a task that must wait for a minute, and one that fails at once."""
    registry = Registry()

    @registry.task("wait", parameters=Words)
    async def wait(_words: Words, _context: Context) -> Words:
        raise NotNow("the same message is being processed elsewhere", after=60.0)

    @registry.task("fail", parameters=Words, retries=1)
    async def fail(_words: Words, _context: Context) -> Words:
        raise ConnectionError

    return Rehearsal(registry)


@pytest.mark.parametrize("order", [("wait", "fail"), ("fail", "wait")])
async def test_a_call_that_is_put_off_hides_no_attempt_of_another(order: tuple[str, str]) -> None:
    """The copy waits as long as the longest wait, and tells of the call that failed."""
    rehearsal = put_off()
    calls = [json.loads(call(f"task_request.{name}", call_id=name)) for name in order]
    first = await rehearsal.bytes(json.dumps(calls).encode(), RPC)
    waits = first.rest.outcome
    assert (waits.delay.seconds, waits.attempt, waits.held) == (60, 1, False)
    assert "ConnectionError" in waits.failure.reason
    assert [tried.attempt for tried in waits.history] == [1]
    second = await rehearsal.delivery(retried(first))
    assert [type(end.outcome) for end in second.ends] == [DeadLettered]
    assert second.ends[0].outcome.attempts == 2
    assert (second.rest.outcome.attempt, second.rest.outcome.held) == (1, True)


async def test_a_batch_whose_calls_are_all_put_off_has_made_no_attempt() -> None:
    """It may wait as often as it takes."""
    calls = [json.loads(call("task_request.wait", call_id=n)) for n in range(2)]
    outcome = await put_off().bytes(json.dumps(calls).encode(), RPC)
    assert (outcome.rest.outcome.attempt, outcome.rest.outcome.held) == (0, True)
