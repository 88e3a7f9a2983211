"""A letter's body, changed by a person: at places, in an editor, or from a file."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from workers.cli import NOTHING_FOUND, WRONG_USE, Failure
from workers.deadletters import BadPointer, changed
from workers.deadletters.pointers import keys_of
from workers.deadletters.spans import indented, read

if TYPE_CHECKING:
    from workers.deadletters import Shown


def sets(changes: list[str]) -> tuple[tuple[str, Any], ...]:
    """Return pointers and values of `POINTER=JSON`; a value that is no JSON is text."""
    return tuple(map(_set, changes))


def edited(shown: Shown, changes: tuple[tuple[str, Any], ...], file: Path | None) -> bytes:
    """Return the new body; ends the command where there is none."""
    if changes and file is not None:
        raise Failure("give --set or --file, not both", code=WRONG_USE)
    try:
        if changes:
            # In the original: its places are named, so nothing hidden has to be found again.
            return changed(shown.letter.body, changes)
        body = file.read_bytes() if file is not None else _in_editor(shown)
    except BadPointer as error:
        raise Failure(str(error), code=WRONG_USE) from None
    except OSError as error:
        raise Failure(f"{file or 'the editor'} cannot be used: {error}", code=WRONG_USE) from None
    if body.strip() == shown.editable.strip():
        raise Failure("nothing was changed, so nothing was sent", code=NOTHING_FOUND)
    return body


def kept_text(name: str, text: bytes) -> Path:
    """Keep what a person wrote in a new file that nobody else reads, and return which one.

    In the current directory where that can be written to; what lies there is never overwritten.
    """
    try:
        return _new_file(Path(name), text)
    except OSError:
        return _new_file(Path(tempfile.mkdtemp(prefix="leveret-")) / name, text)


def _new_file(path: Path, text: bytes) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - nobody else may read it, from its first moment on
        file.write(text)
    return path


def _set(change: str) -> tuple[str, Any]:
    pointer, equals, text = change.partition("=")
    try:
        keys_of(pointer)
    except BadPointer as error:
        raise Failure(str(error), code=WRONG_USE) from None
    if not equals:
        raise Failure(f"--set {change} has no value; write POINTER=JSON", code=WRONG_USE)
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return pointer, text
    # As it was written: Python holds neither every number nor a key that stands twice.
    return pointer, orjson.Fragment(text)


def _in_editor(shown: Shown) -> bytes:
    """Return what a person makes of the body in $VISUAL or $EDITOR; JSON is laid out for them."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise Failure(
            "no editor is set; set EDITOR, or use --set POINTER=JSON or --file", code=WRONG_USE
        )
    before = _laid_out(shown.editable)
    with tempfile.TemporaryDirectory(prefix="leveret-") as directory:
        path = Path(directory) / f"{shown.letter.id}.json"
        path.touch(mode=0o600)
        path.write_bytes(before)
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 - the person's own editor
        if done.returncode:
            raise Failure(f"the editor ended with {done.returncode}; nothing was sent")
        after = path.read_bytes()
    return shown.editable if after == before else after


def _laid_out(body: bytes) -> bytes:
    """Return JSON in lines, each value as it was written; anything else as it is."""
    return body if read(body) is None else indented(body) + b"\n"
