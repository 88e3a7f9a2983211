"""`leveret publish`: messages from the command line, a file or a pipe, and their answers."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter
from pydantic import ValidationError

from messages import format_errors
from topology import Names
from workers.cli import WRONG_USE, Failure
from workers.cli.documents import parameters
from workers.cli.input import bodies, of, opened
from workers.cli.options import NOWHERE, Where, Whole, above_zero, needed_url, quiet, settings
from workers.cli.outgoing import Task, payload_message, task_message
from workers.cli.publishing import Publishing, Sending

if TYPE_CHECKING:
    from collections.abc import Callable


def publish(
    file: str | None = None,
    *,
    task: str | None = None,
    type: Annotated[str | None, Parameter(name="--type")] = None,  # noqa: A002 - the option's name
    param: Annotated[list[str], Parameter(name=["--param", "-p"], negative="")] = [],  # noqa: B006 - cyclopts copies it
    wait: Annotated[bool, Parameter(negative="")] = False,
    timeout: Annotated[float, Parameter(validator=above_zero)] = 30.0,
    routing_key: str | None = None,
    count: Whole = 1,
    rate: Annotated[float | None, Parameter(validator=above_zero)] = None,
    raw: Annotated[bool, Parameter(negative="")] = False,
    priority: Whole | None = None,
    budget: str | None = None,
    ttl: Whole | None = None,
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
        Of the task, 1 to 10, and 5 if not given; from 8 on it is urgent and needs a budget of 1000.
    budget
        Of the task, 0 if not given.
    ttl
        Seconds after which the message is not worth doing, 1 to 300, and 30 if not given; for
        --task and --type.
    json
        Answers, or the count of what was confirmed, as one line of JSON each.
    where
        Which broker and which names.

    """
    _check(file, task, type, count=count)
    parts = {"priority": priority, "budget": budget, "ttl": ttl}
    draft = _draft(task, type, {name: value for name, value in parts.items() if value is not None})
    chosen = settings(where)
    quiet()
    how = Sending(wait=wait, timeout=timeout, routing_key=routing_key, rate=rate, json=json)
    make = _maker(task, type, param, draft)
    run = Publishing(how, Names(chosen.prefix), needed_url(chosen), chosen)
    if make is not None:  # each one is a message of its own, with an id of its own
        return asyncio.run(run.all(of(make() for _ in range(count)), times=1, total=count))
    with opened(file) as source:
        return asyncio.run(run.all(bodies(source, raw=raw), times=count))


def _check(file: str | None, task: str | None, message_type: str | None, *, count: int) -> None:
    if task is not None and message_type is not None:
        raise Failure(
            "give --task or --type, not both: a task of a registry goes with --task, a message of "
            "another type with --type",
            code=WRONG_USE,
        )
    option = "--task" if task is not None else "--type" if message_type is not None else ""
    if file is not None and option:
        raise Failure(_one_too_many(file, option), code=WRONG_USE)
    given = file is not None or bool(option)
    if not given and sys.stdin.isatty():
        raise Failure("give a FILE, - for standard input, or --task TYPE", code=WRONG_USE)
    if count < 1:
        raise Failure("--count is how often each message is sent; give 1 or more", code=WRONG_USE)


def _draft(task: str | None, message_type: str | None, parts: dict[str, Any]) -> Task:
    """Return a task with these parts; refuses those of a message that is not made here.

    They would be left out silently.
    """
    for name in parts:
        if task is not None or (message_type is not None and name == "ttl"):
            continue
        if message_type is not None:
            raise Failure(
                f"--{name} is a part of a task, and --type makes another message; leave it out, or "
                "say it by -p if the type has such a field",
                code=WRONG_USE,
            )
        raise Failure(
            f"--{name} is a part of a message made here, by --task or --type; what comes from a "
            "file or a pipe is sent as it is: write it in there",
            code=WRONG_USE,
        )
    return Task(**parts)


def _one_too_many(file: str, option: str) -> str:
    """Return what to do where a file stands beside an option that makes the message."""
    if "=" in file and not Path(file).exists():
        return f"{file!r} was read as the FILE to send: write -p before it, each time: -p {file}"
    return (
        f"{file!r} was read as the FILE to send, and {option} makes a message itself: give one of "
        "them"
    )


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
        raise Failure(
            "--param is a part of a task or payload; say which by --task or --type", code=WRONG_USE
        )
    else:
        return None
    try:
        make()
    except ValidationError as error:
        raise Failure(f"no worker would take that: {_misfit(error)}", code=WRONG_USE) from error
    return make


def _misfit(error: ValidationError) -> str:
    """Return what does not fit, and where; a rule of the whole has no place to name."""
    errors, _ = format_errors(error)
    told = "; ".join(
        f"{one.field_path}: {one.message}" if one.field_path else one.message for one in errors
    )
    return f"{told}; mend it there" if any(one.field_path for one in errors) else told


#: How a message made here names its sender.
_SENDER: Final = "leveret-publish"
