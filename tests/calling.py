"""The methods that the examples of the JSON-RPC 2.0 specification call, and those examples."""

from __future__ import annotations

from typing import Any, Final

from messages import Payload, ProtocolModel
from workers import Context, Registry, Reject


class Subtract(Payload, type="subtract"):
    """By position: minuend, then subtrahend."""

    minuend: int
    subtrahend: int


class Sum(Payload, type="sum", rest="numbers"):
    """Any number of numbers."""

    numbers: list[int] = []


class Number(Payload, type="number", bare="value"):
    """A number that is a whole result."""

    value: int


class Update(Payload, type="update", rest="values"):
    """Notified only."""

    values: list[int] = []


class NotifyHello(Payload, type="notify_hello"):
    """Notified only."""

    times: int


class NotifySum(Payload, type="notify_sum", rest="values"):
    """Notified only."""

    values: list[int] = []


class GetData(Payload, type="get_data"):
    """Needs no parameters."""


class Data(Payload, type="data", bare="entries"):
    """A list that is a whole result."""

    entries: list[Any]


class Words(ProtocolModel):
    """Parameters of the tasks here."""

    text: str = ""
    failures: int = 0


def calling(seen: list[str] | None = None) -> Registry:  # noqa: C901 - a flat list of methods
    """Return a registry of the examples' methods; what is done is appended to `seen`."""
    registry = Registry()
    seen = [] if seen is None else seen

    @registry.processor(Subtract)
    async def subtract(call: Subtract, _context: Context) -> Number:
        seen.append("subtract")
        return Number(value=call.minuend - call.subtrahend)

    @registry.processor(Sum)
    async def total(call: Sum, _context: Context) -> Number:
        seen.append("sum")
        return Number(value=sum(call.numbers))

    @registry.processor(Update)
    async def update(_call: Update, _context: Context) -> None:
        seen.append("update")

    @registry.processor(NotifyHello)
    async def hello(_call: NotifyHello, _context: Context) -> None:
        seen.append("notify_hello")

    @registry.processor(NotifySum)
    async def notify_sum(_call: NotifySum, _context: Context) -> None:
        seen.append("notify_sum")

    @registry.processor(GetData)
    async def data(_call: GetData, _context: Context) -> Data:
        return Data(entries=["hello", 5])

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        seen.append(f"echo {words.text}")
        return words

    @registry.task("flaky", parameters=Words)
    async def flaky(words: Words, context: Context) -> Words:
        seen.append(f"flaky {words.text} {context.attempt}")
        if context.attempt <= words.failures:
            raise ConnectionError("try again")
        return words

    @registry.task("reject", parameters=Words)
    async def reject(_words: Words, _context: Context) -> Words:
        raise Reject("not today")

    return registry


_PARSE: Final = '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}'
_INVALID: Final = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}'

#: Request and response of each example, in the specification's order; None is silence.
EXAMPLES: Final[dict[str, tuple[str, str | None]]] = {
    "positional": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        '{"jsonrpc": "2.0", "result": 19, "id": 1}',
    ),
    "positional, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        '{"jsonrpc": "2.0", "result": -19, "id": 2}',
    ),
    "named": (
        (
            '{"jsonrpc": "2.0", "method": "subtract", '
            '"params": {"subtrahend": 23, "minuend": 42}, "id": 3}'
        ),
        '{"jsonrpc": "2.0", "result": 19, "id": 3}',
    ),
    "named, in another order": (
        (
            '{"jsonrpc": "2.0", "method": "subtract", '
            '"params": {"minuend": 42, "subtrahend": 23}, "id": 4}'
        ),
        '{"jsonrpc": "2.0", "result": 19, "id": 4}',
    ),
    "a notification": ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    "a notification of an unknown method": ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    "an unknown method": (
        '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
        '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}',
    ),
    "invalid JSON": ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', _PARSE),
    "an invalid request": ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', _INVALID),
    "a batch of invalid JSON": (
        (
            '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
            '{"jsonrpc": "2.0", "method"]'
        ),
        _PARSE,
    ),
    "an empty batch": ("[]", _INVALID),
    "an invalid batch": ("[1]", f"[{_INVALID}]"),
    "an invalid batch of three": ("[1,2,3]", f"[{_INVALID},{_INVALID},{_INVALID}]"),
    "a batch": (
        """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]""",
        f"""[
        {{"jsonrpc": "2.0", "result": 7, "id": "1"}},
        {{"jsonrpc": "2.0", "result": 19, "id": "2"}},
        {_INVALID},
        {{"jsonrpc": "2.0", "error": {{"code": -32601, "message": "Method not found"}}, "id": "5"}},
        {{"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}}
        ]""",
    ),
    "a batch of notifications": (
        """[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
        ]""",
        None,
    ),
}


def without_data(document: Any) -> Any:
    """Return a response as the specification prints it: without our details."""
    if isinstance(document, list):
        return [without_data(one) for one in document]
    if "error" in document:
        error = {key: value for key, value in document["error"].items() if key != "data"}
        return {**document, "error": error}
    return document
