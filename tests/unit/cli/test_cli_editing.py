"""A letter's body changed by a person: what they did not touch stays, and what they wrote too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from topology import Names
from workers.cli import WRONG_USE, Failure, dlq_actions
from workers.cli.editing import edited, kept_text, sets
from workers.deadletters import MASK, Masking, Operator, Reader, Scanning, Shown, Standing, shape
from workers.deadletters.spans import compact
from workers.outcome import Delivery, Properties

if TYPE_CHECKING:
    from collections.abc import Callable

ODD = b'{"n":123456789012345678901234567890,"t":1.10,"k":1,"k":2,"deep":%s}' % (
    b"[" * 400 + b"]" * 400
)


def _shown(body: bytes, masking: Masking = Masking()) -> Shown:  # noqa: B008 - frozen
    letter = Reader(Names(), "guest").letter(Delivery(body, Properties(headers={})))
    return Shown(
        letter=letter,
        body=shape(body),
        foreseen=None,
        open=True,
        deeds=(),
        replayed=None,
        destination="",
        editable=masking.shown(body),
        standing=Standing(open=1),
    )


def _editor(tmp_path: Path, script: str) -> str:
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/seen\n{script}\n')
    editor.chmod(0o700)
    return str(editor)


def test_an_editor_changes_what_was_typed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is laid out in lines; its numbers, keys and depth are those of the sender."""
    monkeypatch.setenv("VISUAL", _editor(tmp_path, 'sed -i s/1.10/1.20/ "$1"'))
    body = edited(_shown(ODD), (), None)
    assert compact(body) == ODD.replace(b"1.10", b"1.20")
    assert (tmp_path / "seen").read_bytes().count(b"\n") > 5


def test_what_is_set_is_written_as_it_was_given() -> None:
    """A number that Python cannot hold, keys that stand twice, and text that is no JSON."""
    given = sets(["/t=98765432109876543210987654321", '/deep={"a":1,"a":2.50}', "/n=many"])
    assert edited(_shown(ODD), given, None) == (
        b'{"n":"many","t":98765432109876543210987654321,"k":1,"k":2,"deep":{"a":1,"a":2.50}}'
    )


def test_what_is_set_in_several_of_a_list_leaves_what_is_hidden_beside_it() -> None:
    """The places are named, so each element keeps its own secret."""
    body = b'{"cards":[{"no":"A","x":"1"},{"no":"B","x":"1"}]}'
    masking = Masking(("/cards/*/no",))
    done = edited(_shown(body, masking), sets(["/cards/0/x=1", "/cards/1/x=1"]), None)
    assert masking.restore(done, body) == body.replace(b'"1"', b"1")


def test_a_text_that_still_hides_a_value_is_kept_and_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever moved a mask is told where it is, and finds what they wrote."""
    masking = Masking(("/pw",))
    shown = _shown(b'{"pw":"p"}', masking)
    bench = _Bench(shown, Operator(who="ada", masking=masking))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dlq_actions, "place", _placed(bench))
    text = f'{{"password":"{MASK}"}}'
    Path("mine.json").write_text(text)
    with pytest.raises(Failure, match=r"/password still holds .* your text is in") as failure:
        dlq_actions.edit(shown.letter.id, file=Path("mine.json"))
    assert failure.value.code == WRONG_USE
    assert Path(f"{shown.letter.id}.json").read_text() == text


def test_what_is_kept_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of an hour ago stays where it is, and the new one is somewhere else."""
    monkeypatch.chdir(tmp_path)
    first, second = kept_text("a.json", b"old"), kept_text("a.json", b"new")
    assert (first.read_bytes(), second.read_bytes()) == (b"old", b"new")
    assert first == Path("a.json")
    assert first.stat().st_mode & 0o077 == 0


class _Bench:
    """A bench with one letter, at which nothing is ever sent."""

    def __init__(self, shown: Shown, operator: Operator) -> None:
        self.shown = shown
        self.operator = operator

    async def show(self, _letter_id: str, *, scan: Scanning) -> Shown:
        assert scan is Scanning.IF_NEEDED
        return self.shown


def _placed(bench: _Bench) -> Callable[..., Any]:
    return lambda *_args, **_options: SimpleNamespace(bench=bench, scan=Scanning.IF_NEEDED)
