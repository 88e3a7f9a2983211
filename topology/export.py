"""The topology as a definitions file, which RabbitMQ imports without leveret.

For `rabbitmqctl import_definitions`, the management API's import, or `load_definitions` at boot.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from topology.errors import NameRefused
from topology.roles import Role, permissions, tags, topic_permissions, user_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from topology.shape import Binding, Exchange, Queue, Topology

#: Bytes of salt before the digest in the broker's own password hashes.
SALT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Account:
    """One broker user: its role, its hash from `password_hash`, and its name.

    Without a name it is `<prefix>.<role>`. Give each publisher a user of its own: those who share
    one hear each other's answers.
    """

    role: Role
    password_hash: str
    name: str = ""


def password_hash(password: str, salt: bytes) -> str:
    """Return the hash the broker keeps of a password: base64 of the salt and salted SHA-256.

    `salt` is 4 random bytes, `secrets.token_bytes(4)`. Raises `NameRefused` for an empty password,
    with which the broker lets nobody in.
    """
    if not password or len(salt) != SALT_BYTES:
        raise NameRefused(f"a password and {SALT_BYTES} bytes of salt are needed for its hash")
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode("ascii")


def definitions(
    topology: Topology, *, vhost: str = "/", accounts: Sequence[Account] = ()
) -> dict[str, Any]:
    """Return the definitions of one virtual host, ready for JSON.

    Only the given accounts become users: importing one without a hash would lock it out.
    """
    names = topology.names
    users = [(one.name or user_of(one.role, names), one) for one in accounts]
    _distinct(name for name, _ in users)
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(name, account) for name, account in users],
        "permissions": [
            {"user": name, "vhost": vhost, **asdict(permissions(account.role, names, name))}
            for name, account in users
        ],
        "topic_permissions": [
            {"user": name, "vhost": vhost, **asdict(held)}
            for name, account in users
            for held in topic_permissions(account.role, names, name)
        ],
        "parameters": [],
        "policies": [],
        "exchanges": [_exchange(one, vhost) for one in topology.exchanges],
        "queues": [_queue(one, vhost) for one in topology.queues],
        "bindings": [_binding(one, vhost) for one in topology.bindings],
    }


def _user(name: str, account: Account) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": account.password_hash,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": list(tags(account.role)),
    }


def _exchange(exchange: Exchange, vhost: str) -> dict[str, Any]:
    return {"name": exchange.name, "vhost": vhost, **exchange.properties(), "arguments": {}}


def _queue(queue: Queue, vhost: str) -> dict[str, Any]:
    return {
        "name": queue.name,
        "vhost": vhost,
        "durable": True,
        "auto_delete": False,
        "arguments": queue.table(),
    }


def _binding(binding: Binding, vhost: str) -> dict[str, Any]:
    return {
        "source": binding.source,
        "vhost": vhost,
        "destination": binding.destination,
        "destination_type": "queue",
        "routing_key": binding.key,
        "arguments": {},
    }


def _distinct(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise NameRefused(f"two accounts are called {name!r}: name one of them otherwise")
        seen.add(name)
