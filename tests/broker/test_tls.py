"""Encrypted lines: with the right authority everything works, with anything else nothing begins."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from broker.authority import authority, certificate
from broker.command import leveret
from broker.worker import Asking, serving

from examples import registry
from workers.broker import NoBrokerError, PrivateBroker
from workers.broker.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker


class Encrypted(NamedTuple):
    """A broker that speaks TLS, and the authorities: its own and another."""

    port: int
    ca: Path
    other: Path

    def url(self, *, host: str = "127.0.0.1", ca: Path | None = None) -> str:
        """Return the address, with the authority to believe."""
        return f"amqps://guest:guest@{host}:{self.port}/?cafile={ca or self.ca}"


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """Lend a broker whose certificate names the address 127.0.0.1 and no other."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command to make certificates with")
    directory = tmp_path_factory.mktemp("tls")
    ca, other = authority(directory, "ours"), authority(directory, "another")
    own = certificate(ca, "broker", hosts="IP:127.0.0.1")
    (port,) = free_ports(1)
    settings = (
        f"listeners.ssl.1 = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {ca}",
        f"ssl_options.certfile = {own}",
        f"ssl_options.keyfile = {own.with_suffix('.key')}",
        "ssl_options.verify = verify_none",
        "ssl_options.versions.1 = tlsv1.3",
        "ssl_options.versions.2 = tlsv1.2",
    )
    try:
        broker = PrivateBroker.start(settings=settings)
    except NoBrokerError as error:
        pytest.skip(str(error))
    with broker:
        yield Encrypted(port, ca, other)


async def test_everything_works_with_the_right_authority(encrypted: Encrypted) -> None:
    """A worker on an encrypted line answers and dead-letters, hot path and all."""
    url = encrypted.url()
    async with serving(url, registry), Asking(url) as asking:
        answer = await asking.answer(asking.task("echo", parameters={"a": 1}))
        assert answer["response"]["result_data"] == {"a": 1}
        assert await asking.letter(asking.bytes(b"{", "letter"))


@asynccontextmanager
async def listening(
    directory: Path, context: ssl.SSLContext | None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Lend a port where somebody listens who is no broker, and what is said there in the open."""
    said: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(4096))
        writer.write(b"AMQP\x00\x00\x09\x01")
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], said


async def check_refusal(url: str, *words: str) -> None:
    """See that a worker does not start there, and says why in one line without the password."""
    for verb in (("run", "examples:registry"), ("topology", "plan")):
        ended = await leveret(*verb, url=url, LEVERET_HTTP_PORT="0", LEVERET_PATIENCE="5s")
        assert ended.code not in {0, 2}
        line = ended.err.strip().splitlines()[-1]
        assert all(word in line for word in words), line
        assert "guest:guest" not in ended.err


async def test_another_authority_is_not_believed(encrypted: Encrypted) -> None:
    """A certificate that somebody else signed ends the attempt at once."""
    await check_refusal(encrypted.url(ca=encrypted.other), "cannot be trusted", "cafile")


async def test_another_host_is_not_believed(encrypted: Encrypted) -> None:
    """A good certificate for another name is none for this one."""
    await check_refusal(encrypted.url(host="localhost"), "cannot be trusted", "localhost")


async def test_an_expired_certificate_is_not_believed(encrypted: Encrypted) -> None:
    """Signed by the right authority, for the right host, yesterday."""
    old = certificate(encrypted.ca, "old", hosts="IP:127.0.0.1", days=-1)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(old, old.with_suffix(".key"))
    async with listening(encrypted.ca.parent, context) as (port, said):
        url = encrypted._replace(port=port).url()
        await check_refusal(url, "cannot be trusted", "expired")
        assert not any(said)


async def test_nothing_is_said_in_the_open(encrypted: Encrypted) -> None:
    """Where the other side speaks no TLS, all it gets is a handshake: no login, no second try."""
    async with listening(encrypted.ca.parent, None) as (port, said):
        url = encrypted._replace(port=port).url()
        await check_refusal(url, "does not speak TLS", "5671")
    assert said
    assert all(one.startswith(b"\x16\x03") for one in said)
    assert not any(b"guest" in one or b"PLAIN" in one for one in said)
