"""Hidden values put back into an edited body, or a refusal: never a mask, never another's. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

import orjson

from workers.deadletters.pointers import below
from workers.deadletters.spans import Node, compact, read, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What stands in the place of a hidden value.
MASK: Final = "••••"
#: MASK in a body, as it is or as some editors write it.
_MARK: Final = re.compile(b"(?:%s){4}" % ("•".encode() + rb"|\\u2022"))


class Unrestored(ValueError):
    """Nobody can tell which hidden value belongs where MASK stands; nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Held:
    """The original of an edited body, and what of it was hidden."""

    original: bytes
    #: The same as the person saw it.
    shown: bytes
    #: Where its hidden values begin.
    hidden: frozenset[int]


class _Pair(NamedTuple):
    """A value of the edited body, with what stood in its place before and what was shown of it."""

    new: Node
    old: Node
    seen: Node
    pointer: str


def holds_mask(body: bytes) -> bool:
    """Whether MASK may stand in a body."""
    return _MARK.search(body) is not None


def restored(edited: bytes, held: Held) -> bytes:
    """Return the edited body with the original values where MASK stands; raises Unrestored."""
    new, old, seen = map(read, (edited, held.original, held.shown))
    if new is None or old is None or seen is None:
        return _without_places(edited, held)
    return _Restoring(edited, held).all(_Pair(new, old, seen, ""))


def _without_places(edited: bytes, held: Held) -> bytes:
    """Return the body where all that looks like MASK stood in the original, which hid nothing."""
    now, before = (len(_MARK.findall(body)) for body in (edited, held.original))
    if held.shown != held.original or now > before:
        _refuse("", "the body, now or as it came, is no JSON, so nobody can tell which it was")
    return edited


class _Restoring:
    """One edited body, gone through from the top."""

    def __init__(self, edited: bytes, held: Held) -> None:
        self._edited = edited
        self._held = held
        self._marks = [found.start() for found in _MARK.finditer(edited)]

    def all(self, whole: _Pair) -> bytes:
        texts: dict[Node, bytes] = {}
        # A loop and no recursion: a body may be a thousand levels deep.
        left = [whole]
        while left:
            pair = left.pop()
            if not self._marked(pair.new):
                continue
            if pair.new.form:
                left += self._parts(pair)
            elif (text := self._text(pair)) is not None:
                texts[pair.new] = text
        return replaced(self._edited, texts)

    def _text(self, pair: _Pair) -> bytes | None:
        """Return the original of a hidden value; None for what may stay."""
        written = orjson.loads(pair.new.of(self._edited))
        if not isinstance(written, str) or MASK not in written:
            return None
        before = pair.old.of(self._held.original)
        if written == MASK and pair.old.start in self._held.hidden:
            return before
        if pair.old.start in self._held.hidden:
            _refuse(pair.pointer, "other text stands beside it")
        if pair.old.form or orjson.loads(before) != written:
            _refuse(pair.pointer, "nothing was hidden in that place")
        return None

    def _parts(self, pair: _Pair) -> Iterator[_Pair]:
        if pair.new.form != pair.old.form:
            _refuse(pair.pointer, "nothing of that form was there")
        if pair.new.form == b"[":
            news, olds, seens = ([one for _, one in node.parts] for node in pair[:3])
            pointers = [below(pair.pointer, str(n)) for n in range(len(news))]
            yield from self._in_a_row(pair.pointer, _rows(news, olds, seens, pointers, pair))
            return
        for key in dict.fromkeys(name for name, _ in pair.new.parts):
            place = below(pair.pointer, key)
            news, olds, seens = (
                [one for name, one in node.parts if name == key] for node in pair[:3]
            )
            if MASK in key and not olds:
                _refuse(place, "it is in a key that was not there")
            if not any(map(self._marked, news)):
                continue
            if not olds:
                _refuse(place, "there was nothing under that key")
            yield from self._in_a_row(place, _rows(news, olds, seens, [place] * len(news), pair))

    def _in_a_row(self, pointer: str, row: Sequence[_Pair]) -> Sequence[_Pair]:
        """Return the values of a list, or of one key, if surely each is in its old place.

        Only its place says which hidden value belongs to it, and a person may have taken one out,
        put one in or turned two round. So as soon as something differs there, what holds MASK must
        be told by what is seen of it, or be the only one that differs.
        """
        now = [compact(one.new.of(self._edited)) for one in row]
        then = [compact(one.seen.of(self._held.shown)) for one in row]
        differing = sum(one != other for one, other in zip(now, then, strict=True))
        counts, counted = Counter(now), Counter(then)
        for pair, text, before in zip(row, now, then, strict=True):
            if not differing or not self._marked(pair.new):
                continue
            alone = differing == 1 and not counted[text]
            if not (alone if text != before else counts[text] == counted[text]):
                _refuse(
                    pointer,
                    "several values beside it were changed or moved, so nobody can tell which one "
                    "it was",
                )
        return row

    def _marked(self, node: Node) -> bool:
        """Whether something that looks like MASK stands in a value."""
        at = bisect_left(self._marks, node.start)
        return at < len(self._marks) and self._marks[at] < node.end


def _rows(
    news: list[Node], olds: list[Node], seens: list[Node], pointers: list[str], pair: _Pair
) -> list[_Pair]:
    if len(news) != len(olds):
        _refuse(
            pointers[0] if pair.new.form == b"{" else pair.pointer,
            f"there were {len(olds)} values and now there are {len(news)}, so nobody can tell "
            "which one it was",
        )
    return [_Pair(*one) for one in zip(news, olds, seens, pointers, strict=True)]


def _refuse(pointer: str, why: str) -> NoReturn:
    raise Unrestored(
        f"{pointer or 'the body'} still holds {MASK}, which hides a value, and {why}; nothing was "
        f"sent. Leave each {MASK} and its neighbours in a list where they were, or write the value "
        "itself in its place"
    )
