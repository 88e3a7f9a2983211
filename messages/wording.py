"""What is told of each kind of error: what was expected, in words a sender's author can act on.

The library's own texts are meant for the one who wrote the model, and some repeat the input.
"""

from __future__ import annotations

from typing import Any, Final

#: Characters of a text.
MOST_TEXT: Final = 300

#: `{}` names come from the error's own context.
_TEXTS: Final[dict[str, str]] = {
    "missing": "this field is required",
    "extra_forbidden": "this field is not known here; leave it out, or check its spelling",
    "none_required": "must be null",
    "value_error": "the value is not allowed here",
    "assertion_error": "the value is not allowed here",
    "json_invalid": "this is not one JSON document in UTF-8",
    "union_tag_invalid": "this type is not known here; known are: {expected_tags}",
    "union_tag_not_found": "the type that decides the rest is missing, or is no text",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    # strings
    "string_type": "must be a string",
    "string_too_long": "at most {max_length} characters are allowed",
    "string_too_short": "at least {min_length} characters are needed",
    "string_pattern_mismatch": "must match {pattern}",
    "string_unicode": "must be text in UTF-8",
    # numbers
    "int_type": "must be a whole number, without quotes",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number, without a fraction",
    "float_type": "must be a number, without quotes",
    "float_parsing": "must be a number",
    "decimal_type": 'must be an amount such as "12.50" or 12.5',
    "decimal_parsing": 'must be an amount such as "12.50" or 12.5',
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "multiple_of": "must be a multiple of {multiple_of}",
    # ids and instants
    "uuid_type": "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000",
    "uuid_parsing": "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000",
    "uuid_version": "must be a UUID of version {expected_version}",
    "datetime_type": "must be an instant such as 2026-01-31T12:00:00Z",
    "datetime_parsing": "must be an instant such as 2026-01-31T12:00:00Z",
    "datetime_from_date_parsing": "must be an instant such as 2026-01-31T12:00:00Z",
    "datetime_object_invalid": "must be an instant such as 2026-01-31T12:00:00Z",
    "date_parsing": "must be a date such as 2026-01-31",
    "date_from_datetime_parsing": "must be a date such as 2026-01-31",
    # what holds others
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "too_long": "at most {max_length} entries are allowed",
    "too_short": "at least {min_length} entries are needed",
}
#: Said where a text lacks what it wants to tell, and the library's own may repeat the input.
_UNSAID: Final = "the value is not allowed here"
#: The parser's reason for refusing what is JSON.
_DEEP: Final = "recursion limit"


def words(row: Any) -> str:
    """Return what is told of an error; raises nothing, and repeats nothing of the sender's."""
    kind = row["type"]
    context = row.get("ctx") or {}
    if kind == "json_invalid" and _DEEP in str(context.get("error", "")):
        return "objects and lists are nested too deep to be read"
    template = _TEXTS.get(kind)
    if template is None:
        # Error types of this project or of a user's model, and the rarer ones of the library.
        return cut(str(row["msg"]))
    try:
        return cut(template.format_map(context))
    except (KeyError, IndexError, ValueError, AttributeError):
        return _UNSAID


def cut(text: str) -> str:
    """Return a text of bounded length."""
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
