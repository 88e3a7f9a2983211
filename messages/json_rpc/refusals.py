"""How a call is refused: as an envelope or a payload would be, with the place in the call."""

from __future__ import annotations

from messages.codes import ErrorCode
from messages.errors import FieldError, InvalidMessage
from messages.places import path_of


def fault(place: tuple[str, ...], kind: str, message: str) -> FieldError:
    """Return what is wrong at one place of the call."""
    return FieldError(*path_of(place), kind, message)


def unknown(*place: str) -> FieldError:
    """Return that a member is none of ours."""
    return fault(place, "extra_forbidden", "this member is not known here; leave it out")


def refused(reason: str, *errors: FieldError) -> InvalidMessage:
    """Return the refusal of what is no request."""
    return InvalidMessage(ErrorCode.INVALID_ENVELOPE, reason, errors)


def misfit(place: tuple[str, ...], kind: str, message: str) -> InvalidMessage:
    """Return the refusal of a request whose parameters do not fit its method."""
    error = fault(place, kind, message)
    reason = f"the call does not fit: {error.field_path}: {message}"
    return InvalidMessage(ErrorCode.INVALID_PAYLOAD, reason, (error,))
