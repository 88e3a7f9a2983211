"""`resize_image` → `image_resized`: a pair of message types that the project does not ship.

This is all that a type of one's own takes: two models and a processor. Nothing is edited elsewhere.
"""

from __future__ import annotations

from messages import Payload
from workers import Context, Registry, Reject

registry = Registry()


class ResizeImage(Payload, type="resize_image"):
    """Asks for the address of a picture in another width, in pixels."""

    url: str
    width: int


class ImageResized(Payload, type="image_resized"):
    """Where the picture is to be had in the width asked for."""

    url: str


@registry.processor(ResizeImage)
async def resize(task: ResizeImage, _context: Context) -> ImageResized:
    """Answer with the address under which an image server scales the picture."""
    if task.width > 8_000:  # noqa: PLR2004 - told in the reason
        raise Reject("wider than 8000 px")
    return ImageResized(url=f"{task.url}?w={task.width}")
