"""What is the same for many publications, made for the first of them and looked up for the rest.

Both are dicts: a hit costs no call of ours.
"""

from __future__ import annotations

from typing import Final

from workers.link.wire import AnswerProperties, PublishRoute

#: Routes kept; each direct reply address is one, so they are forgotten by the thousand.
MOST_ROUTES: Final = 1024


class Routes(dict[tuple[str, str], PublishRoute]):
    """What is prepared for each exchange and routing key in one life of a channel."""

    def __init__(self, *, mandatory: bool) -> None:
        super().__init__()
        self._mandatory = mandatory
        self._channel = 0

    def begin(self, channel: int) -> None:
        """Forget all: from now on it is this channel."""
        self.clear()
        self._channel = channel

    def __missing__(self, place: tuple[str, str]) -> PublishRoute:
        if len(self) >= MOST_ROUTES:
            self.clear()
        route = self[place] = PublishRoute(self._channel, *place, mandatory=self._mandatory)
        return route


class AnswerKinds(dict[tuple[str, str], AnswerProperties]):
    """The properties of answers, by content type and message type."""

    def __init__(self, user: str, app_id: str) -> None:
        super().__init__()
        self._user = user
        self._app_id = app_id

    def __missing__(self, kind: tuple[str, str]) -> AnswerProperties:
        content_type, type_ = kind
        prepared = self[kind] = AnswerProperties(
            content_type=content_type, type_=type_, app_id=self._app_id, user_id=self._user
        )
        return prepared
