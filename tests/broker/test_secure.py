"""The shipped group `secure`, served by a real worker: what it lets in, and from whom."""

from __future__ import annotations

import tomllib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
import orjson
import pytest
from broker.command import leveret
from broker.worker import NAMES, Asking, code, eventually, serving
from writing import document, envelope, written

from examples import registry
from workers import headers
from workers.broker import ManagementApi
from workers.settings.groups import GroupSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.service import Service

TABLE: Final = tomllib.loads((Path("examples") / "secure.toml").read_text("utf-8"))["groups"]
GROUPS: Final = {name: GroupSettings.model_validate(table) for name, table in TABLE.items()}
SECRET: Final = "The hares Meet at dawn behind the third hedge."


class Sender:
    """One user of the broker."""

    def __init__(self, name: str, exchange: Any, asking: Asking) -> None:
        self._name = name
        self._exchange = exchange
        self._asking = asking

    async def ask(self, message: dict[str, Any], routing_key: str) -> dict[str, Any]:
        """Return the payload of the answer."""
        correlation_id = str(uuid4())
        properties = aio_pika.Message(
            written(message),
            user_id=self._name,
            correlation_id=correlation_id,
            reply_to=self._asking.client.reply_to,
        )
        await self._exchange.publish(properties, routing_key)
        heard = self._asking.answers[correlation_id]
        await eventually(lambda: heard)
        payload: dict[str, Any] = orjson.loads(heard[0].body)["payload"]
        return payload


@asynccontextmanager
async def user(url: str, api: ManagementApi, name: str, asking: Asking) -> AsyncIterator[Sender]:
    """Lend a user of the broker with a connection of its own."""
    parts = urlsplit(url)
    vhost = parts.path[1:]
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    api._request("PUT", f"/api/users/{name}", {"password": name, "tags": ""})
    api._request("PUT", f"/api/permissions/{vhost}/{name}", everything)
    try:
        own = parts._replace(netloc=f"{name}:{name}@{parts.hostname}:{parts.port}").geturl()
        async with await aio_pika.connect(own) as connection:
            channel = await connection.channel()
            yield Sender(name, await channel.get_exchange(NAMES.requests), asking)
    finally:
        api._request("DELETE", f"/api/users/{name}")


@pytest.fixture
async def secure(amqp_url: str) -> AsyncIterator[Service]:
    """Lend a worker of the group, as its table says."""
    async with serving(amqp_url, registry, group="secure", groups=GROUPS, agent_id="one") as (
        service,
        _,
    ):
        yield service


def kinds(answer: dict[str, Any]) -> list[str]:
    """Return the types of the errors in an answer; none where it is none."""
    if answer["message_type"] != "error":
        return []
    return [error["error_type"] for error in answer["error_details"]["errors"]]


def transfer(**others: Any) -> dict[str, Any]:
    """Return a message that moves money."""
    payload = {
        "message_type": "transfer",
        "operation": "create",
        "owner": "anna",
        "account": "hare",
        "amount": "20000.00",
    }
    return envelope(payload | others)


async def test_documents_of_the_wrong_level_are_dead_lettered(
    amqp_url: str, management_url: str, secure: Service
) -> None:
    """From a cleared user; the right level is received, and nobody else's documents are."""
    good = document(classification="secret", content=SECRET)
    api = ManagementApi(management_url)
    async with (
        Asking(amqp_url) as asking,
        user(amqp_url, api, "archivist", asking) as archivist,
        user(amqp_url, api, "stranger", asking) as stranger,
    ):
        receipt = await archivist.ask(good, "document.secret")
        assert receipt["message_type"] == "document_receipt"
        for level in ("public", "internal", "confidential"):
            wrong = document(classification=level, content=SECRET)
            assert kinds(await archivist.ask(wrong, "document.secret")) == [
                "classification_mismatch"
            ]
        weak = document(classification="secret", content="all in lower case, and long enough")
        assert kinds(await archivist.ask(weak, "document.secret")) == ["secret_needs_upper_case"]
        assert kinds(await stranger.ask(good, "document.secret")) == ["sender_not_cleared"]
        await eventually(lambda: sum(map(len, asking.letters.values())) == 5)
        letters = [letter for several in asking.letters.values() for letter in several]
        assert {code(letter) for letter in letters} == {"invalid_payload"}
        told = "".join(str(letter.properties.headers[headers.ERROR]) for letter in letters)
        assert SECRET not in told


async def test_the_rules_of_the_house_hold_for_money(
    amqp_url: str, management_url: str, secure: Service
) -> None:
    """Approval by the broker's word, the account by its service, words by the group's list."""
    api = ManagementApi(management_url)
    async with (
        Asking(amqp_url) as asking,
        user(amqp_url, api, "treasurer", asking) as treasurer,
        user(amqp_url, api, "stranger", asking) as stranger,
    ):
        assert kinds(await treasurer.ask(transfer(), "transfer")) == []
        assert kinds(await stranger.ask(transfer(), "transfer")) == ["large_transaction_approval"]
        assert kinds(await stranger.ask(transfer(amount=1), "transfer")) == []
        assert kinds(await treasurer.ask(transfer(owner="eve"), "transfer")) == [
            "unknown_reference"
        ]
        assert kinds(await treasurer.ask(transfer(account="fox"), "transfer")) == ["check_refused"]
        bribe = transfer(financial_purpose="a small BRIBE")
        assert kinds(await treasurer.ask(bribe, "transfer")) == ["compliance_violation"]


async def test_maintenance_is_switched_by_an_operator_while_the_worker_runs(
    amqp_url: str, management_url: str, secure: Service
) -> None:
    """On and off with `leveret ctl`; reading goes on, and the sender is told to come back."""
    api = ManagementApi(management_url)
    async with Asking(amqp_url) as asking, user(amqp_url, api, "treasurer", asking) as treasurer:
        assert (await leveret("ctl", "maintenance", "on", url=amqp_url)).code == 0
        refused = await treasurer.ask(transfer(), "transfer")
        assert kinds(refused) == ["maintenance_mode_restriction"]
        assert refused["error_details"]["retryable"] is True
        assert kinds(await treasurer.ask(transfer(operation="read"), "transfer")) == []
        assert (await leveret("ctl", "maintenance", "off", url=amqp_url)).code == 0
        assert kinds(await treasurer.ask(transfer(), "transfer")) == []
