"""What is said to the author of a processor that cannot be registered."""

from __future__ import annotations


class RegistrationError(Exception):
    """A processor that cannot be registered; the message says which and what to change."""
