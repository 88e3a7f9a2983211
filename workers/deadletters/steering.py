"""An action on its way, as people steer it; who did goes into the journal.

Written at once, not at the end: whoever meets a held action, or what a kill left of one, learns who
held it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.deadletters.notes import steered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workers.deadletters.course import Course
    from workers.deadletters.notes import Action
    from workers.link.sender import Sender


class Steering:
    """Steers a course, and notes who did; what is steered before the first note comes after it."""

    def __init__(self, action: Action, course: Course, now: Callable[[], datetime]) -> None:
        self._action = action
        self._course = course
        self._now = now
        self._due: list[tuple[str, str, datetime]] = []
        self._sender: Sender | None = None
        self._over = False

    def stop(self, who: str) -> None:
        """Stop it; only the first who does is told."""
        if not self._course.stopped:
            self._note("stopped", who)
        self._course.stop()

    def pause(self, who: str) -> None:
        """Hold it."""
        if not (self._course.paused or self._course.stopped):
            self._note("paused", who)
        self._course.pause()

    def resume(self, who: str) -> None:
        """Let it go on."""
        if self._course.paused:
            self._note("resumed", who)
        self._course.resume()

    def begin(self, sender: Sender) -> None:
        """Write from now on: the action's first note stands."""
        self._sender = sender
        self._flush()

    def end(self) -> None:
        """Write no more: the last note comes now."""
        self._over = True

    def _note(self, what: str, who: str) -> None:
        if not self._over:
            self._due.append((what, who or self._action.who, self._now()))
            self._flush()

    def _flush(self) -> None:
        if self._sender is None:
            return
        due, self._due = self._due, []
        for what, who, at in due:
            # Nothing is lost with such a note, so nobody waits for it to be confirmed.
            self._sender.post(steered(self._action, what, who, at), lambda _: None)
