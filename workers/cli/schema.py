"""`leveret schema`: what messages look like, and what a change of theirs breaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from cyclopts import Parameter

from messages.changes import changes
from topology import Names
from workers.asyncapi import asyncapi_of, schemas_of
from workers.cli import DONE, FAILED, WRONG_USE, Failure
from workers.cli.options import NOWHERE, Where, settings
from workers.cli.say import say, write
from workers.counting import plural
from workers.loading import load
from workers.version import leveret_version

if TYPE_CHECKING:
    from messages.changes import Change


def schema(
    *modules: str,
    asyncapi: Annotated[bool, Parameter(negative="")] = False,
    check: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    where: Where = NOWHERE,
) -> int:
    """Print JSON Schema 2020-12 of every registered message; with --check, what changed.

    A change is compatible for readers, writers, both or none; exit 1 where one breaks somebody.
    Example: `leveret schema > schema.json`, and later `leveret schema --check schema.json`

    Parameters
    ----------
    modules
        Where processors are, as `package.module:registry`; as for `leveret run`.
    asyncapi
        Print an AsyncAPI 3 document instead.
    check
        A saved schema to compare with.
    json
        Print each change as one JSON line.
    where
        Which names are used.

    """
    if asyncapi and check is not None:
        raise Failure(
            "--check compares JSON Schemas; give it one that `leveret schema` printed, "
            "without --asyncapi",
            code=WRONG_USE,
        )
    chosen = settings(where)
    registry = load(modules, offered=chosen.processors)
    if asyncapi:
        document = asyncapi_of(registry, Names(chosen.prefix), version=leveret_version())
        write(orjson.dumps(document, option=orjson.OPT_INDENT_2), b"\n")
        return DONE
    now = schemas_of(registry)
    if check is None:
        write(orjson.dumps(now, option=orjson.OPT_INDENT_2), b"\n")
        return DONE
    return _report(changes(_saved(check), now), json=json)


def _saved(path: Path) -> dict[str, Any]:
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise Failure(
            f"cannot read {path} ({error.strerror}); save one first: leveret schema > {path}",
            code=WRONG_USE,
        ) from error
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("messages"), dict):
        raise Failure(
            f"{path} is no schema of ours; save one first: leveret schema > {path}", code=WRONG_USE
        )
    return document


def _report(found: tuple[Change, ...], *, json: bool) -> int:
    for one in found:
        if json:
            write(orjson.dumps(one._asdict()), b"\n")
        else:
            write(f"{_WORDS[one.compatible]:32} {one.place}: {one.change}\n".encode())
    breaks = sum(one.breaks for one in found)
    harm = plural(breaks, "breaks", "break")
    say(f"{plural(len(found), 'change')}, {harm} somebody" if found else "nothing changed")
    return FAILED if breaks else DONE


_WORDS = {
    "both": "compatible",
    "readers": "breaks senders",
    "writers": "breaks readers",
    "none": "breaks senders and readers",
}
