"""Which server a private broker runs, where a whole other system's is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workers.broker import with_vhost
from workers.broker.installation import Installation, find_installation
from workers.broker.layout import lay_out
from workers.broker.node import Node


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Lend a directory that looks like a system with RabbitMQ 4.0.5."""
    home = tmp_path / "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5"
    (home / "plugins" / "rabbit-4.0.5").mkdir(parents=True)
    (home / "sbin").mkdir()
    (home / "sbin" / "rabbitmq-server").touch()
    return tmp_path


def test_another_systems_server_is_taken_with_its_own_paths(tree: Path) -> None:
    """Its home is named as it is seen inside, and found from here."""
    found = find_installation({"RABBITMQ_ROOT": str(tree), "PATH": "/nowhere"})
    assert found is not None
    assert (found.version, found.root) == ("4.0.5", tree)
    assert found.home == Path("/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5")
    assert found.seen_from_here(found.home).is_dir()


def test_a_directory_without_a_server_is_no_installation(tmp_path: Path) -> None:
    """Asked for another system, the one of this machine is not taken in its place."""
    assert find_installation({"RABBITMQ_ROOT": str(tmp_path)}) is None


def test_only_another_systems_programs_are_entered(tree: Path) -> None:
    """Here a program runs as it is; there in a view of the mounts that ends with it."""
    epmd = Path("/usr/bin/epmd")
    here = Installation(Path("/home"), "3.10.8", epmd, "/usr/bin")
    assert here.command(epmd, Path("/broker")) == ["/usr/bin/epmd"]
    there = Installation(Path("/home"), "4.0.5", epmd, "/usr/bin", tree)
    words = there.command(epmd, Path("/broker"))
    assert words[:2] == ["unshare", "--mount"]
    assert words[-3:] == [str(tree), "/broker", "/usr/bin/epmd"]


def test_a_private_brokers_address_is_read_alike_by_every_client(tmp_path: Path) -> None:
    """It ends in the port: some clients take a slash for the virtual host without a name."""
    layout = lay_out(tmp_path, "kept", Installation(tmp_path, "4.0.5", tmp_path, ""), range(10, 15))
    address = Node(layout, layout.nodes[0]).amqp_url
    assert re.fullmatch(r"amqp://guest:guest@127\.0\.0\.1:\d+", address)
    assert with_vhost(address, "/") == f"{address}/%2F"
