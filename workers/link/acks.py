"""Which tags can be acked, in how few frames."""

from __future__ import annotations

from workers.link.wire import ack


class AckWindow:
    """Collects settled tags of one session; slow messages never hold back the ones after them.

    The broker counts deliveries from 1 and brings them in order, so whatever is below a settled
    tag and not settled itself is still being worked on. Only those are remembered, never more than
    the prefetch, however long one of them takes.

    RabbitMQ closes the channel for an ack of a tag that is not outstanding, be it the top of a
    range. So a range always ends at a tag that was done since the last flush.
    """

    __slots__ = ("_done", "_highest", "_open")

    def __init__(self) -> None:
        #: The highest tag that is settled.
        self._highest = 0
        #: Tags below it that are not settled, in order; a dict, for it keeps the order.
        self._open: dict[int, None] = {}
        #: Tags to be acked at the next flush.
        self._done: list[int] = []

    def done(self, tag: int) -> bool:
        """Note a tag that is to be acked, and return whether that is news: False if it was settled.

        One that was is not acked again.
        """
        if tag == self._highest + 1:  # the usual case, and all that it costs
            self._highest = tag
            self._done.append(tag)
            return True
        if self.gone(tag):
            self._done.append(tag)
            return True
        return False

    def is_settled(self, tag: int) -> bool:
        """Whether this tag, and with it everything asked about it, is settled."""
        return tag <= self._highest and tag not in self._open

    def is_settled_up_to(self, tag: int) -> bool:
        """Whether every tag up to this one is settled."""
        return tag <= self._highest and tag < next(iter(self._open), tag + 1)

    def gone(self, tag: int) -> bool:
        """Note a tag that is given back, and return whether it may be: False if it was settled.

        Its nack must be written before the next frames, which may cover it.
        """
        highest = self._highest
        if tag > highest:
            self._highest = tag
            if tag > highest + 1:
                self._open.update(dict.fromkeys(range(highest + 1, tag)))
            return True
        if tag in self._open:
            del self._open[tag]
            return True
        return False

    def frames(self, channel: int) -> list[bytes]:
        """Return the acks for everything that became done since the last call, to be written now.

        One for all up to the first tag that is still open, and one for each tag beyond it.
        """
        done = self._done
        if not done:
            return []
        self._done = []
        if not self._open:
            return [ack(channel, max(done), multiple=True)]
        first_open = next(iter(self._open))
        beyond = [tag for tag in done if tag > first_open]
        frames = [ack(channel, tag, multiple=False) for tag in beyond]
        if len(beyond) < len(done):
            top = max(tag for tag in done if tag < first_open)
            frames.insert(0, ack(channel, top, multiple=True))
        return frames
