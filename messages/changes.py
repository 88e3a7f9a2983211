"""What changed between two schemas, and whom it breaks. Pure.

Compatible for **writers**: whatever an old sender writes is still taken. Compatible for
**readers**: an old reader still takes whatever is written now. A field that is new and optional is
both: a message that has it says a higher minor version, whose unknown fields old readers drop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH: Final = "both"
READERS: Final = "readers"
WRITERS: Final = "writers"
NONE: Final = "none"

Schema = dict[str, Any]
#: Bounds, and whether more of them lets in less.
_BOUNDS: Final = {
    "minimum": True,
    "exclusiveMinimum": True,
    "minLength": True,
    "minItems": True,
    "minProperties": True,
    "maximum": False,
    "exclusiveMaximum": False,
    "maxLength": False,
    "maxItems": False,
    "maxProperties": False,
}
#: What tells people something and programs nothing.
_SILENT: Final = ("description", "title", "examples", "default")


class Change(NamedTuple):
    """One difference: where, what, and for whom the new schema is compatible with the old."""

    place: str
    change: str
    compatible: str

    @property
    def breaks(self) -> bool:
        """Whether anybody has to do something."""
        return self.compatible != BOTH


def changes(old: Schema, new: Schema) -> tuple[Change, ...]:
    """Return every difference between two documents of `messages.schemas.message_schemas`."""
    return tuple(_Comparison(old.get("$defs", {}), new.get("$defs", {})).documents(old, new))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        #: Pairs on the way, so that a recursive schema ends.
        self._met: set[tuple[str, str]] = set()

    def documents(self, old: Schema, new: Schema) -> Iterator[Change]:
        """Yield what changed in message types, then in task types."""
        before, after = old.get("messages", {}), new.get("messages", {})
        yield from _kinds("message type", before, after)
        for name in sorted(before.keys() & after.keys()):
            yield from self._compare(name, {"$ref": before[name]}, {"$ref": after[name]})
        before, after = old.get("tasks", {}), new.get("tasks", {})
        yield from _kinds("task type", before, after)
        for name in sorted(before.keys() & after.keys()):
            for what in ("parameters", "result"):
                if what in before[name] and what in after[name]:
                    place = f"task_request.{name}: {what}"
                    was, now = before[name][what], after[name][what]
                    yield from self._compare(place, {"$ref": was}, {"$ref": now})

    def _compare(self, place: str, old: Any, new: Any) -> Iterator[Change]:
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and "$ref" in new:
            if pair in self._met:
                return
            self._met.add(pair)
        was, now = _resolved(old, self._old), _resolved(new, self._new)
        if was == now and "$ref" not in str(was):
            self._met.discard(pair)
            return
        yield from self._kind(place, was, now)
        self._met.discard(pair)

    def _kind(self, place: str, old: Schema, new: Schema) -> Iterator[Change]:
        variants_old, variants_new = _variants(old, self._old), _variants(new, self._new)
        gone, come = (
            variants_old.keys() - variants_new.keys(),
            variants_new.keys() - variants_old.keys(),
        )
        if variants_old and variants_new and not variants_old.keys() & variants_new.keys():
            yield Change(place, f"is {_list(come)} instead of {_list(gone)}", NONE)
            return
        if gone:
            yield Change(place, f"may not be {_list(gone)} any more", READERS)
        if come:
            yield Change(place, f"may be {_list(come)} now", WRITERS)
        for kind in sorted(variants_old.keys() & variants_new.keys()):
            yield from self._inside(place, variants_old[kind], variants_new[kind])
        told = [key for key in _SILENT if old.get(key) != new.get(key)]
        if told:
            yield Change(place, f"{' and '.join(told)} changed", BOTH)

    def _inside(self, place: str, old: Schema, new: Schema) -> Iterator[Change]:
        yield from _values(place, old, new)
        yield from _bounds(place, old, new)
        for key in ("pattern", "format"):
            if old.get(key) != new.get(key):
                effect = WRITERS if key not in new else READERS if key not in old else NONE
                yield Change(place, f"{key}: {_was(old, new, key)}", effect)
        yield from self._fields(place, old, new)
        for key in ("items", "additionalProperties"):
            was, now = old.get(key, True), new.get(key, True)
            if isinstance(was, dict) and isinstance(now, dict):
                yield from self._compare(f"{place}[]", was, now)
            elif was != now:
                stricter = now is False or (was is True and isinstance(now, dict))
                effect = READERS if stricter else WRITERS
                yield Change(place, f"{key}: {'stricter' if stricter else 'freer'} now", effect)
        for number, (was, now) in enumerate(
            zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
        ):
            yield from self._compare(f"{place}[{number}]", was, now)

    def _fields(self, place: str, old: Schema, new: Schema) -> Iterator[Change]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed_old, needed_new = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(now.keys() - was.keys()):
            if name in needed_new:
                yield Change(f"{place}.{name}", "is a new field, and required", READERS)
            else:
                yield Change(f"{place}.{name}", "is a new field, and optional", BOTH)
        closed = new.get("additionalProperties") is False
        for name in sorted(was.keys() - now.keys()):
            writers = not closed
            readers = name not in needed_old
            effect = {(True, True): BOTH, (True, False): WRITERS, (False, True): READERS}
            told = "is gone" if readers else "is gone, and was required"
            yield Change(f"{place}.{name}", told, effect.get((writers, readers), NONE))
        for name in sorted(was.keys() & now.keys()):
            if name in needed_new and name not in needed_old:
                yield Change(f"{place}.{name}", "is required now", READERS)
            if name in needed_old and name not in needed_new:
                yield Change(f"{place}.{name}", "is optional now", WRITERS)
            yield from self._compare(f"{place}.{name}", was[name], now[name])


def _kinds(what: str, before: Schema, after: Schema) -> Iterator[Change]:
    for name in sorted(after.keys() - before.keys()):
        yield Change(name, f"is a new {what}", BOTH)
    for name in sorted(before.keys() - after.keys()):
        yield Change(name, f"the {what} is gone", READERS)


def _values(place: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Compare closed lists of values, a constant being a list of one."""
    was, now = _closed(old), _closed(new)
    if was == now:
        return
    if was is None or now is None:
        freer = now is None
        yield Change(
            place,
            f"{'any value' if freer else 'only listed values'} now",
            WRITERS if freer else READERS,
        )
        return
    gone, come = was - now, now - was
    if gone:
        yield Change(place, f"the values {_list(gone)} are gone", READERS)
    if come:
        yield Change(place, f"the values {_list(come)} are new", WRITERS)


def _bounds(place: str, old: Schema, new: Schema) -> Iterator[Change]:
    for key, more_is_less in _BOUNDS.items():
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        stricter = was is None if was is None or now is None else (now > was) is more_is_less
        yield Change(place, f"{key}: {_was(old, new, key)}", READERS if stricter else WRITERS)


def _closed(schema: Schema) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset({repr(schema["const"])})
    return frozenset(map(repr, schema["enum"])) if "enum" in schema else None


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema a reference means, with what stands beside the reference."""
    for _ in range(20):
        if "$ref" not in schema:
            break
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**definitions.get(schema["$ref"].rpartition("/")[2], {}), **rest}
    return schema


def _variants(schema: Schema, definitions: Schema) -> dict[str, Schema]:
    """Return each kind of value a schema takes, by its type or its name."""
    several = schema.get("anyOf") or schema.get("oneOf")
    if several is None:
        kind = schema.get("type", "any value")
        kinds = kind if isinstance(kind, list) else [kind]
        return {str(one): schema for one in kinds}
    found: dict[str, Schema] = {}
    for one in several:
        whole = _resolved(one, definitions)
        for kind, inner in _variants(whole, definitions).items():
            name = kind if kind not in found else f"{kind} ({whole.get('title', len(found))})"
            found[name] = inner
    return found


def _was(old: Schema, new: Schema, key: str) -> str:
    return f"{old.get(key, 'none')} → {new.get(key, 'none')}"


def _list(names: Any) -> str:
    return ", ".join(sorted(names))
