"""RabbitMQ's HTTP API, as far as tests and the commands need it: virtual hosts and queue depths."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

#: Where the API listens beside an AMQP URL that we were given and know nothing else about.
_DEFAULT_PORT = 15_672
#: Seconds for one request. Deleting a virtual host with many queues takes a few.
_TIMEOUT = 30.0


class ManagementError(Exception):
    """The HTTP API refused or is not there; the text says what was asked and what to look at."""


@dataclass(frozen=True)
class QueueDepth:
    """Messages in one queue: waiting for a consumer, and delivered but not settled."""

    ready: int
    unacknowledged: int


@dataclass(frozen=True)
class ManagementApi:
    """The HTTP API at ``http://user:password@host:port``; every call is one bounded request."""

    url: str

    def create_vhost(self, name: str) -> None:
        """Make a virtual host in which the API's own user may do everything; idempotent."""
        self._request("PUT", f"/api/vhosts/{_segment(name)}")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.permit(unquote(urlsplit(self.url).username or ""), name, everything)

    def create_user(self, name: str, password: str) -> None:
        """Make a user who may do nothing yet; `permit` gives rights."""
        body = {"password": password, "tags": ""}
        self._request("PUT", f"/api/users/{_segment(name)}", body)

    def permit(self, user: str, vhost: str, rights: dict[str, str]) -> None:
        """Give a user `configure`, `write` and `read`, each a regular expression over names."""
        self._request("PUT", f"/api/permissions/{_segment(vhost)}/{_segment(user)}", rights)

    def delete_vhost(self, name: str) -> None:
        """Remove a virtual host, all it holds and every connection to it."""
        self._request("DELETE", f"/api/vhosts/{_segment(name)}")

    def queue_depths(self, vhost: str) -> dict[str, QueueDepth]:
        """Return the depth of every queue by name.

        The broker samples these figures: they lag by up to a second on a private broker and by
        five elsewhere. A passive declare over AMQP is exact.
        """
        queues = self._request("GET", f"/api/queues/{_segment(vhost)}")
        return {
            queue["name"]: QueueDepth(
                queue.get("messages_ready", 0), queue.get("messages_unacknowledged", 0)
            )
            for queue in queues
        }

    def bindings(self, vhost: str) -> list[dict[str, Any]]:
        """Return every binding of a virtual host, which AMQP has no way to ask for."""
        listing: list[dict[str, Any]] = self._request("GET", f"/api/bindings/{_segment(vhost)}")
        return listing

    def running_nodes(self) -> tuple[str, ...]:
        """Return the names of the cluster's nodes that are up, sorted."""
        nodes = self._request("GET", "/api/nodes")
        return tuple(sorted(node["name"] for node in nodes if node["running"]))

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the decoded answer, None for an empty one."""
        target = urlsplit(self.url)
        login = f"{unquote(target.username or '')}:{unquote(target.password or '')}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
            "Content-Type": "application/json",
        }
        kind = (
            http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(target.hostname or "", target.port, timeout=_TIMEOUT)
        where = f"{method} {path} at {target.hostname}:{target.port}"
        try:
            connection.request(method, path, json.dumps(body or {}), headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ManagementError(
                f"RabbitMQ's HTTP API does not answer ({where}: {error}); is the plugin"
                " rabbitmq_management enabled and its port reachable?"
            ) from error
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise ManagementError(
                f"RabbitMQ's HTTP API refused {where}: {response.status} {response.reason}"
                f" {answer[:200].decode(errors='replace')}; may the user administer the broker?"
            )
        return json.loads(answer) if answer else None


def management_beside(amqp_url: str) -> str:
    """Return where the HTTP API usually is, given an AMQP URL: same host and login, port 15672."""
    url = urlsplit(amqp_url)
    login = f"{url.username or 'guest'}:{url.password or 'guest'}"
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or "localhost"
    return f"http://{login}@{host}:{_DEFAULT_PORT}"


def with_vhost(amqp_url: str, vhost: str) -> str:
    """Return the same AMQP URL for another virtual host."""
    return urlunsplit(urlsplit(amqp_url)._replace(path=f"/{_segment(vhost)}"))


def _segment(name: str) -> str:
    """Return a name as one segment of a path: the virtual host ``/`` is ``%2F``."""
    return quote(name, safe="")
