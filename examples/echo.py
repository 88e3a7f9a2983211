"""`echo`: what was asked comes back. The smallest processor, and the one to try a worker with."""

from __future__ import annotations

from pydantic import ConfigDict, RootModel

from workers import Context, Registry

registry = Registry()


class Anything(RootModel[dict[str, object]]):
    """Any JSON object, taken as it came: nothing is required, nothing is dropped."""

    model_config = ConfigDict(frozen=True)


@registry.task("echo", parameters=Anything)
async def echo(parameters: Anything, _context: Context) -> dict[str, object]:
    """Answer with exactly the parameters that came."""
    return parameters.root
