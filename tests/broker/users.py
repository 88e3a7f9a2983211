"""Broker users of each role, with the rights that `leveret topology export` gives them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from broker.command import user
from broker.worker import NAMES

from topology import permissions, topic_permissions
from workers.broker import ManagementApi

if TYPE_CHECKING:
    from topology import Permissions, Role

#: Users are the whole broker's, and another run may use it too.
MARK: Final = secrets.token_hex(4)


def user_name(role: Role) -> str:
    """Return what the role's user is called in this run."""
    return f"{role}-{MARK}"


class Users:
    """Makes users with rights in one virtual host, and forgets them all."""

    def __init__(self, management_url: str, amqp_url: str) -> None:
        self._management_url = management_url
        self._amqp_url = amqp_url
        self._names: set[str] = set()

    def url(self, role: Role, may: Permissions | None = None, *, called: str = "") -> str:
        """Return the address with a login of the role, with other rights or name perhaps."""
        who = called or user_name(role)
        self._names.add(who)
        may = may or permissions(role, NAMES, who)
        held = topic_permissions(role, NAMES, who)
        return user(self._management_url, self._amqp_url, who, may, *held)

    def without_topics(self, role: Role, called: str) -> str:
        """Return the address of a user held to no routing keys."""
        self._names.add(called)
        may = permissions(role, NAMES, called)
        return user(self._management_url, self._amqp_url, called, may)

    def forget(self) -> None:
        """Remove the users."""
        api = ManagementApi(self._management_url)
        for one in self._names:
            api._request("DELETE", f"/api/users/{quote(one)}")
