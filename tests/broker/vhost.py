"""What an operator, or bad luck, does to a virtual host."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

from broker.worker import NAMES

from workers.broker import ManagementApi


class Vhost:
    """One virtual host, by the broker's HTTP API."""

    def __init__(self, amqp_url: str, management_url: str) -> None:
        self._api = ManagementApi(management_url)
        self.name = urlsplit(amqp_url).path[1:]
        self._path = quote(self.name, safe="")

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(self._api._request, method, path, body)

    async def delete_queue(self, queue: str) -> dict[str, Any]:
        """Delete a queue; return what it takes to make it again."""
        path = f"/api/queues/{self._path}/{quote(queue, safe='')}"
        found: dict[str, Any] = await self._ask("GET", path)
        await self._ask("DELETE", path)
        return {key: found[key] for key in ("durable", "auto_delete", "arguments")}

    async def make_queue(self, queue: str, form: dict[str, Any]) -> None:
        """Make a queue and bind it to all requests."""
        where = quote(queue, safe="")
        await self._ask("PUT", f"/api/queues/{self._path}/{where}", form)
        source = quote(NAMES.requests, safe="")
        for key in ("*", "*.*"):
            await self._ask(
                "POST",
                f"/api/bindings/{self._path}/e/{source}/q/{where}",
                {"routing_key": key, "arguments": {}},
            )

    async def delete_exchange(self, exchange: str) -> dict[str, Any]:
        """Delete an exchange; return what it takes to make it and its bindings again."""
        path = f"/api/exchanges/{self._path}/{quote(exchange, safe='')}"
        found: dict[str, Any] = await self._ask("GET", path)
        bindings: list[dict[str, Any]] = await self._ask("GET", f"{path}/bindings/source")
        await self._ask("DELETE", path)
        form = {key: found[key] for key in ("type", "durable", "auto_delete", "arguments")}
        return {"form": form, "bindings": bindings}

    async def make_exchange(self, exchange: str, made: dict[str, Any]) -> None:
        """Make it again."""
        source = quote(exchange, safe="")
        await self._ask("PUT", f"/api/exchanges/{self._path}/{source}", made["form"])
        for binding in made["bindings"]:
            where = quote(binding["destination"], safe="")
            kind = binding["destination_type"][0]
            await self._ask(
                "POST",
                f"/api/bindings/{self._path}/e/{source}/{kind}/{where}",
                {"routing_key": binding["routing_key"], "arguments": binding["arguments"]},
            )

    async def user(self, name: str, password: str) -> None:
        """Make a user, or change its password."""
        await self._ask("PUT", f"/api/users/{name}", {"password": password, "tags": ""})

    async def permit(self, name: str, *, write: str = ".*") -> None:
        """Give a user its rights."""
        rights = {"configure": ".*", "write": write, "read": ".*"}
        await self._ask("PUT", f"/api/permissions/{self._path}/{name}", rights)

    async def forget(self, name: str) -> None:
        """Remove a user."""
        await self._ask("DELETE", f"/api/users/{name}")
