"""`leveret publish`: messages from the command line, a file or a pipe, and their answers."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import orjson
from cyclopts import Parameter
from pydantic import ValidationError

from messages import format_errors
from topology import Names
from workers.cli import DONE, FAILED, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli.answers import Answers
from workers.cli.documents import parameters
from workers.cli.input import bodies, of, opened
from workers.cli.options import NOWHERE, Where, needed_url, quiet, settings
from workers.cli.outgoing import Outgoing, Task, outgoing, payload_message, task_message
from workers.cli.say import plural, say, some, write
from workers.link.client import Client
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: Publications whose confirm may be outstanding; enough to fill a line, few enough for memory.
UNCONFIRMED: Final = 500
#: Seconds an envelope of ours may take by default, as the protocol has it.
USUAL_TTL: Final = 30
#: What is said about each fate, and what to do about it.
_FATES: Final = {
    Published.RETURNED: "not routed: no queue takes routing key {key} on {exchange}; declare the "
    "group's queues (leveret topology apply), or give another --routing-key",
    Published.REFUSED: "refused by the broker: a queue they go to is full or failing; look at "
    "`leveret top`, and send them again later",
    Published.CLOSED: "refused by the broker: {exchange} is not there, or not for this user to "
    "publish to; run `leveret topology apply`, or connect as one with the permissions of the "
    "publisher role (leveret topology export --users)",
    Published.UNSENDABLE: "not sent: they do not fit into what this broker takes in one message",
    Published.UNKNOWN: "unconfirmed when the connection was lost; they may be there or not",
}
#: Fates of messages that surely are nowhere, and not for want of a queue.
_REFUSALS: Final = (Published.REFUSED, Published.CLOSED, Published.UNSENDABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """How the messages are sent."""

    wait: bool
    timeout: float
    routing_key: str | None
    rate: float | None
    json: bool


def publish(
    file: str | None = None,
    *,
    task: str | None = None,
    type: Annotated[str | None, Parameter(name="--type")] = None,  # noqa: A002 - the option's name
    param: Annotated[list[str], Parameter(name=["--param", "-p"], negative="")] = [],  # noqa: B006 - cyclopts copies it
    wait: Annotated[bool, Parameter(negative="")] = False,
    timeout: float = 30.0,
    routing_key: str | None = None,
    count: int = 1,
    rate: float | None = None,
    raw: Annotated[bool, Parameter(negative="")] = False,
    priority: int = 5,
    budget: str = "0",
    ttl: int = USUAL_TTL,
    json: Annotated[bool, Parameter(negative="")] = False,
    where: Where = NOWHERE,
) -> int:
    """Publish messages; with --wait print their answers.

    Example: `leveret publish --task echo --param text=hello --wait`

    Parameters
    ----------
    file
        JSON, JSONL or any bytes, sent as they are; - is standard input.
    task
        Send a task request of this task type in place of a file.
    type
        Send a message of this type, its payload made of --param.
    param
        A parameter, key=value, of the task or payload; a value that is JSON is taken as JSON, and
        dots in the key make inner objects.
    wait
        Wait for the answers and print them; exit 1 if one is an error or missing.
    timeout
        Seconds to wait for confirms, and for answers after the last message.
    routing_key
        In place of <message type>[.<task type>][.urgent].
    count
        How often to send each message.
    rate
        Messages a second at most.
    raw
        Take the whole file as one message.
    priority
        Of the task, 1 to 10; from 8 on it is urgent and needs a budget of 1000.
    budget
        Of the task.
    ttl
        Seconds after which the message is not worth doing, 1 to 300; for --task and --type.
    json
        Answers, or the count of what was confirmed, as one line of JSON each.
    where
        Which broker and which names.

    """
    _check(file, task, type, count=count, rate=rate, timeout=timeout)
    chosen = settings(where)
    quiet()
    how = _Sending(wait=wait, timeout=timeout, routing_key=routing_key, rate=rate, json=json)
    make = _maker(task, type, param, Task("", {}, priority, budget, ttl))
    run = _Run(how, Names(chosen.prefix), needed_url(chosen), chosen.connect_timeout)
    if make is not None:  # each one is a message of its own, with an id of its own
        return asyncio.run(run.all(of(make() for _ in range(count)), times=1))
    with opened(file) as source:
        return asyncio.run(run.all(bodies(source, raw=raw), times=count))


class _Run:
    """One call of the command: what went out, what became of it, what came back."""

    def __init__(self, how: _Sending, names: Names, url: str, connect_timeout: float) -> None:
        self._how = how
        self._names = names
        self._answers = Answers(json=how.json)
        self._client = Client(
            url, names, heard=self._answers.heard, connect_timeout=connect_timeout
        )
        self._fates: Counter[Published] = Counter()
        self._key: dict[Published, str] = {}
        self._room = asyncio.Semaphore(UNCONFIRMED)
        self._sent = 0
        self._elsewhere = 0

    async def all(self, found: AsyncIterator[bytes], *, times: int) -> int:
        """Send each message `times` times and wait for what comes; returns the exit code."""
        async with self._client:
            try:
                await self._send_all(found, times)
                await self._confirmed()
            except TimeoutError:
                return self._told()
            if not self._sent:
                raise Failure("there is no message in that input", code=NOTHING_FOUND)
            late = self._how.wait and not await self._answered()
            return FAILED if late else self._told()

    async def _send_all(self, found: AsyncIterator[bytes], times: int) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async for body in found:
            message = outgoing(body, self._names, routing_key=self._how.routing_key)
            for _ in range(times):
                if self._how.rate:
                    due = began + self._sent / self._how.rate
                    await asyncio.sleep(due - loop.time())
                async with asyncio.timeout(self._how.timeout):
                    await self._room.acquire()
                self._send(message)

    def _send(self, message: Outgoing) -> None:
        self._sent += 1
        ours = self._how.wait and message.answered and message.reply_to is None
        self._elsewhere += self._how.wait and message.reply_to is not None
        told = message.own_correlation if ours else None
        if told is not None:
            self._answers.await_one(told)
        publication = Publication(
            self._names.requests,
            message.routing_key,
            message.body,
            content_type=message.content_type,
            correlation_id=told if message.correlation_id is None else None,
            reply_to=self._client.reply_to if ours else None,
            type=message.message_type,
        )
        self._client.post(publication, partial(self._fate, message.routing_key, told))

    def _fate(self, key: str, told: str | None, fate: Published) -> None:
        self._fates[fate] += 1
        self._key.setdefault(fate, key)
        self._room.release()
        if told is not None and fate is not Published.CONFIRMED:
            self._answers.forget(told)

    async def _confirmed(self) -> None:
        """Return when the broker has answered for everything, or raise TimeoutError."""
        async with asyncio.timeout(self._how.timeout):
            for _ in range(UNCONFIRMED):
                await self._room.acquire()

    async def _answered(self) -> bool:
        """Wait for the answers; tell which are missing when the time is over."""
        if self._elsewhere:
            say(
                f"{plural(self._elsewhere, 'message')} named a reply_to of their own, "
                "so the answers go there"
            )
        try:
            async with asyncio.timeout(self._how.timeout):
                await self._answers.all_here()
        except TimeoutError:
            missing = self._answers.missing
            say(
                f"no answer within {self._how.timeout:g} s to {len(missing)} of "
                f"{plural(self._sent, 'message')} ({some(missing)}): is a worker there that takes "
                "it? See `leveret top`, or wait longer with --timeout"
            )
            return False
        return True

    def _told(self) -> int:
        """Say what became of the messages; returns the exit code."""
        confirmed = self._fates[Published.CONFIRMED]
        open_ = self._sent - self._fates.total()
        for fate, text in _FATES.items():
            if number := self._fates[fate]:
                told = text.format(key=self._key[fate], exchange=self._names.requests)
                say(f"{plural(number, 'message')} {told}")
        if open_:
            say(
                f"{plural(open_, 'message')} not confirmed within {self._how.timeout:g} s; is the "
                "broker in alarm or gone? `leveret doctor` says"
            )
        if not self._how.wait:
            self._count(confirmed, open_)
        return DONE if confirmed == self._sent and not self._answers.errors else FAILED

    def _count(self, confirmed: int, open_: int) -> None:
        if not self._how.json:
            write(f"{plural(self._sent, 'message')} published, {confirmed} confirmed\n".encode())
            return
        counts = {
            "published": self._sent,
            "confirmed": confirmed,
            "unroutable": self._fates[Published.RETURNED],
            "refused": sum(self._fates[fate] for fate in _REFUSALS),
            "unknown": self._fates[Published.UNKNOWN] + open_,
        }
        write(orjson.dumps(counts), b"\n")


def _check(
    file: str | None,
    task: str | None,
    message_type: str | None,
    *,
    count: int,
    rate: float | None,
    timeout: float,
) -> None:
    given = sum(one is not None for one in (file, task, message_type))
    if given > 1:
        raise Failure("give one of FILE, --task and --type, not several", code=WRONG_USE)
    if not given and sys.stdin.isatty():
        raise Failure("give a FILE, - for standard input, or --task TYPE", code=WRONG_USE)
    if count < 1 or (rate is not None and rate <= 0) or timeout <= 0:
        raise Failure("--count is 1 or more; --rate and --timeout are above 0", code=WRONG_USE)


def _maker(
    task: str | None, message_type: str | None, param: list[str], draft: Task
) -> Callable[[], bytes] | None:
    """Return what makes a message from the options, tried once; None where a file is to be sent."""
    try:
        given = parameters(param)
    except ValueError as error:
        raise Failure(str(error), code=WRONG_USE) from error
    if task is not None:
        make: Callable[[], bytes] = partial(
            task_message, draft._replace(task_type=task, parameters=given), _SENDER
        )
    elif message_type is not None:
        make = partial(payload_message, message_type, given, ttl=draft.ttl, agent_id=_SENDER)
    elif param:
        raise Failure("--param goes with --task or --type", code=WRONG_USE)
    else:
        return None
    try:
        make()
    except ValidationError as error:
        errors, _ = format_errors(error)
        told = "; ".join(f"{one.field_path}: {one.message}" for one in errors)
        raise Failure(f"no worker would take that: {told}", code=WRONG_USE) from error
    return make


#: How a message made here names its sender.
_SENDER: Final = "leveret-publish"
