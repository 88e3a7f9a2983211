"""A private broker on paper: names, ports, files and environment, before anything is started.

Everything a node would otherwise share with a RabbitMQ of the system (name, ports, epmd, cookie,
configuration, data) is spelled out here, so that neither can touch the other.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.broker.installation import PLUGINS, Installation
from workers.broker.processes import DIRECTORY_MARK, OWNER_MARK, ROOT_MARK

#: The user every fresh RabbitMQ has; it may log in from the loopback only, where we listen.
USER: Final = "guest"
#: Erlang refuses a distribution that listens on every address only when told so.
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
#: Milliseconds between figures in the HTTP API. RabbitMQ's own 5 s makes a test wait for them.
_FIGURES_EVERY = 1000


@dataclass(frozen=True)
class NodePorts:
    """The loopback ports of one node."""

    amqp: int
    management: int
    prometheus: int
    distribution: int


@dataclass(frozen=True)
class NodeLayout:
    """One node: its Erlang name, its own directory and its ports."""

    name: str
    directory: Path
    ports: NodePorts

    @property
    def log(self) -> Path:
        """Where RabbitMQ writes its log."""
        return self.directory / "log" / "rabbit.log"

    @property
    def output(self) -> Path:
        """Where the Erlang VM's own output goes: why it could not even begin."""
        return self.directory / "log" / "output.log"

    @property
    def ready_socket(self) -> Path:
        """Where the node says that it serves."""
        return self.directory / "ready"


@dataclass(frozen=True)
class BrokerLayout:
    """All nodes of a broker under one directory, with the epmd and the cookie they share."""

    directory: Path
    owner: str
    installation: Installation
    epmd_port: int
    nodes: tuple[NodeLayout, ...]
    #: Further lines of ``rabbitmq.conf``.
    settings: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """HOME of every process: Erlang looks for its cookie there."""
        return self.directory / "home"

    @property
    def server(self) -> Path:
        """The lean view of the installed server."""
        return self.directory / "server"


def lay_out(
    directory: Path, owner: str, installation: Installation, ports: tuple[int, ...]
) -> BrokerLayout:
    """Return the layout of as many nodes as the ports suffice for: one for epmd, four a node."""
    epmd_port, *others = ports
    nodes = tuple(
        NodeLayout(f"t{number}@localhost", directory / f"t{number}", NodePorts(*four))
        for number, four in enumerate(zip(*[iter(others)] * 4, strict=True), start=1)
    )
    return BrokerLayout(directory, owner, installation, epmd_port, nodes)


def epmd_environment(layout: BrokerLayout) -> dict[str, str]:
    """Return what every process of the broker gets, and nothing of ours but PATH."""
    return {
        "PATH": layout.installation.path,
        "LANG": "C.UTF-8",
        "HOME": str(layout.home),
        "TMPDIR": str(layout.directory / "tmp"),
        "ERL_EPMD_PORT": str(layout.epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # A crash is told by the log; a dump of the whole heap helps nobody here.
        "ERL_CRASH_DUMP_SECONDS": "0",
        DIRECTORY_MARK: str(layout.directory),
        OWNER_MARK: layout.owner,
        ROOT_MARK: str(layout.installation.root),
    }


def node_environment(layout: BrokerLayout, node: NodeLayout) -> dict[str, str]:
    """Return the whole environment of one node; every default of the system is overridden."""
    mnesia = node.directory / "mnesia"
    distribution = node.ports.distribution
    return {
        **epmd_environment(layout),
        "NOTIFY_SOCKET": str(node.ready_socket),
        "RABBITMQ_NODENAME": node.name,
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(node.ports.amqp),
        "RABBITMQ_CONF_ENV_FILE": str(node.directory / "none"),
        "RABBITMQ_CONFIG_FILE": str(node.directory / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(node.directory / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(node.directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(mnesia),
        "RABBITMQ_MNESIA_DIR": str(mnesia / "node"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(mnesia / "feature_flags"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": str(mnesia / "expand"),
        "RABBITMQ_LOG_BASE": str(node.log.parent),
        "RABBITMQ_PID_FILE": str(node.directory / "node.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK_ONLY,
        "RABBITMQ_CTL_ERL_ARGS": f"+S 1:1 {_LOOPBACK_ONLY}",
        "RABBITMQ_SERVER_START_ARGS": (
            f"-sname {node.name} -kernel inet_dist_listen_min {distribution}"
            f" -kernel inet_dist_listen_max {distribution}"
        ),
    }


def node_files(layout: BrokerLayout, node: NodeLayout) -> dict[str, str]:
    """Return the node's configuration files, name → text."""
    return {
        "rabbitmq.conf": "\n".join(
            (*_own_settings(node), *_cluster_settings(layout, node), *layout.settings, "")
        ),
        "advanced.config": (
            f"[{{rabbit,[{{collect_statistics_interval,{_FIGURES_EVERY}}},"
            f"{{quorum_tick_interval,{_FIGURES_EVERY}}},"
            f"{{stream_tick_interval,{_FIGURES_EVERY}}}]}}].\n"
        ),
        "enabled_plugins": f"[{','.join(PLUGINS)}].\n",
    }


def _own_settings(node: NodeLayout) -> tuple[str, ...]:
    return (
        f"listeners.tcp.1 = 127.0.0.1:{node.ports.amqp}",
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {node.ports.management}",
        "prometheus.tcp.ip = 127.0.0.1",
        f"prometheus.tcp.port = {node.ports.prometheus}",
        "log.console = false",
        f"log.file = {node.log.name}",
        # Limits of a guest on somebody's machine: it stops taking messages before the disk is
        # full, and does not size itself by the machine's memory.
        "disk_free_limit.absolute = 50MB",
        "vm_memory_high_watermark.absolute = 2GB",
    )


def _cluster_settings(layout: BrokerLayout, node: NodeLayout) -> tuple[str, ...]:
    """Return how a fresh node finds the others: the first waits for nobody, the rest join it.

    Nodes that all look for each other while they start now and then found a cluster each.
    """
    if len(layout.nodes) == 1:
        return ()
    known = dict.fromkeys((layout.nodes[0].name, node.name))
    return (
        "cluster_formation.peer_discovery_backend = classic_config",
        *(
            f"cluster_formation.classic_config.nodes.{number} = {name}"
            for number, name in enumerate(known, start=1)
        ),
        "cluster_partition_handling = pause_minority",
        # The one to join serves already; RabbitMQ's own patience costs seconds.
        "cluster_formation.discovery_retry_limit = 1",
        "cluster_formation.discovery_retry_interval = 100",
    )
