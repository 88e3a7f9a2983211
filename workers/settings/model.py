"""Every setting: its name, what it may be, and what it is where nobody says."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from topology import GroupSpec, Names
from topology.names import checked_group
from topology.traps import LARGEST_4
from workers.settings import ranges
from workers.settings.durations import Bytes, Seconds
from workers.settings.groups import PREFETCH, GroupSettings
from workers.settings.lists import Rungs, Texts, rungs
from workers.settings.secret_url import SecretUrl, parse_amqp_url, parse_inbox_url

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

_AGENT_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_NOT_IN_AN_AGENT_ID: Final = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
#: Characters of the host's name in an agent id; leaves room for the process id.
_LONGEST_HOST: Final = 100
#: Characters of an agent id that several replicas share; leaves room for their numbers.
_LONGEST_SHARED_ID: Final = 120
_AS_TEXT: Final = PlainSerializer(
    lambda url: "none" if url is None else str(url), return_type=str, when_used="json"
)
#: Names and roles may be shown; what passwords were made into may not.
_WHO: Final = PlainSerializer(
    lambda users: ",".join(str(user).rpartition(":")[0] for user in users),
    return_type=str,
    when_used="json",
)


def default_agent_id() -> str:
    """Return an id that no other worker process has at this time: host name and process id."""
    host = _NOT_IN_AN_AGENT_ID.sub("-", socket.gethostname().split(".")[0])[:_LONGEST_HOST]
    return f"{host or 'worker'}-{os.getpid()}"


class Settings(BaseSettings):
    """All settings of a worker, valid and unchangeable; made by `load`.

    Made directly it takes only what it is given, which is what tests want. Times are in seconds,
    sizes in bytes.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="LEVERET_", env_ignore_empty=True
    )

    #: Where the broker is. Without it `dev` starts a private one, and `run` refuses to start.
    amqp_url: Annotated[SecretUrl | None, NoDecode, PlainValidator(parse_amqp_url), _AS_TEXT] = None
    #: What every exchange and queue is called after.
    prefix: str = "leveret"
    #: Groups of workers, by name; tables of `leveret.toml`.
    groups: Mapping[str, GroupSettings] = {}
    #: The group this worker belongs to.
    group: str = "default"
    #: Deliveries a worker holds unsettled.
    prefetch: Annotated[int, AfterValidator(PREFETCH.number)] = 200
    #: A larger body is dead-lettered before it is parsed.
    max_body_bytes: Annotated[Bytes, AfterValidator(ranges.BODY.number)] = 2**20
    #: A larger answer is not sent: its message is dead-lettered, and the asker told.
    max_answer_bytes: Annotated[Bytes, AfterValidator(ranges.ANSWER.number)] = LARGEST_4
    #: The retry ladder; a message is tried once more for each rung.
    retry_delays: Rungs = rungs("1s,10s,60s,10m")
    #: For one attempt whose processor names no limit of its own.
    time_limit: Annotated[Seconds, AfterValidator(ranges.TIME_LIMIT.seconds)] = 60.0
    #: How long a leaving worker waits for the work it began.
    drain_grace: Annotated[Seconds, AfterValidator(ranges.DRAIN_GRACE.seconds)] = 25.0
    #: Metrics, health and console; 0 picks a free one and says which.
    http_port: Annotated[int, AfterValidator(ranges.PORT.number)] = 9464
    #: Where metrics, health and console listen; `0.0.0.0` is wherever others reach this machine.
    http_host: str = "127.0.0.1"
    #: Shell patterns of addresses that may be answered; `{user}` in one is the sender's user_id.
    #: The project's own queues and `amq.` names never are, direct reply-to excepted. A lone comma
    #: is nobody; an empty variable is refused, for it might mean either.
    reply_to_allow: Texts = ("*",)
    #: Where it is remembered what is done, so that a message takes effect once.
    inbox: Annotated[SecretUrl | None, NoDecode, PlainValidator(parse_inbox_url), _AS_TEXT] = None
    #: How long it is remembered; a duplicate that comes later takes effect again.
    inbox_retention: Annotated[Seconds, AfterValidator(ranges.RETENTION.seconds)] = 7 * 86_400.0
    #: Where a worker notes what it is doing, for whoever comes after its death; must outlive the
    #: process. By default systemd's STATE_DIRECTORY, else one among the temporary directories.
    state_dir: Path | None = None
    #: For people, or for programs: one line of JSON each.
    log_format: Annotated[Literal["text", "json"], BeforeValidator(ranges.lower)] = "text"
    #: What is logged, from this level on.
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(ranges.upper)
    ] = "INFO"
    #: Whether spans are made of what is processed and published (docs/tracing.md).
    tracing: bool = False
    #: Between two signs of life to other agents.
    heartbeat_interval: Annotated[Seconds, AfterValidator(ranges.HEARTBEAT.seconds)] = 5.0
    #: Between two signs of life on a connection; a dead peer is noticed after two.
    amqp_heartbeat: Annotated[Seconds, AfterValidator(ranges.AMQP_HEARTBEAT.seconds)] = 15.0
    #: For one attempt to connect to the broker.
    connect_timeout: Annotated[Seconds, AfterValidator(ranges.CONNECT.seconds)] = 10.0
    #: How long a worker waits for a broker at its start, and goes on without one later, before it
    #: leaves: whoever supervises it may help where it cannot.
    patience: Annotated[Seconds, AfterValidator(ranges.PATIENCE.seconds)] = 120.0
    #: What this worker calls itself: in answers, heartbeats, logs and dead letters.
    agent_id: str = Field(default_factory=default_agent_id)
    #: Where a bare `run` has its processors from: entry points of `leveret.processors`, or modules
    #: such as `package.module:registry`.
    processors: Texts = ("examples",)
    #: Replicas that one `run` supervises; `auto` follows the load.
    processes: Annotated[
        Annotated[int, AfterValidator(ranges.PROCESSES.number)] | Literal["auto"],
        BeforeValidator(ranges.processes),
    ] = 1
    #: The most that `auto` starts. None: as many as there are processor cores.
    processes_max: Annotated[int, AfterValidator(ranges.PROCESSES.number)] | None = None
    #: Broker users beside `<prefix>.operator` who may replay dead letters.
    operators: Texts = ()
    #: Broker users whose `leveret ctl` is obeyed; by default those who may replay, and our own.
    control_users: Texts = ()
    #: JSON pointers of values that no view of a dead letter shows; `*` stands for any key.
    mask: Texts = ()
    #: Whether the web console is shown on the HTTP port, beside metrics and probes.
    console: bool = False
    #: Where `leveret console` listens.
    console_host: str = "127.0.0.1"
    #: Likewise; 0 picks a free one.
    console_port: Annotated[int, AfterValidator(ranges.PORT.number)] = 9465
    #: Who may enter, as `leveret console user` prints it; without anybody it is loopback only.
    console_users: Annotated[Texts, _WHO] = ()
    #: The same, a line each.
    console_users_file: Path | None = None
    #: Names under which browsers may call the console, beside where it listens.
    console_hosts: Texts = ()
    #: Whether a task's `callback_url` gets a copy of the answer.
    callback: bool = False
    #: Hosts that may be called back by http or https; agents may always be.
    callback_hosts: Texts = ()

    _sources: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def sources(self) -> Mapping[str, str]:
        """Where each setting that is no default came from, by its name."""
        return self._sources

    def group_settings(self, group: str | None = None) -> GroupSettings:
        """Return what is configured for a group (this worker's own by default)."""
        return self.groups.get(group or self.group, GroupSettings())

    def prefetch_of(self, group: str) -> int:
        """Return how many deliveries a worker of the group holds unsettled."""
        if self._sources.get("prefetch") == "--prefetch":  # a flag wins over every table
            return self.prefetch
        return self.group_settings(group).prefetch or self.prefetch

    def replica_id(self, number: int) -> str | None:
        """Return what a supervised replica calls itself; None where each finds an id by itself."""
        if "agent_id" not in self._sources:
            return None
        return f"{self.agent_id[:_LONGEST_SHARED_ID]}-{number}"

    @property
    def replaying_users(self) -> frozenset[str]:
        """Return the broker users whose replays are believed."""
        return frozenset((f"{self.prefix}.operator", *self.operators))

    def controlling_users(self, own: str) -> frozenset[str]:
        """Return the broker users whose commands are obeyed; `own` is the worker's user."""
        return frozenset(self.control_users) or self.replaying_users | {own}

    def ttl_of(self, group: str) -> bool:
        """Return whether a message of the group expires when it is older than its ttl."""
        return self.group_settings(group).ttl

    def group_specs(self) -> tuple[GroupSpec, ...]:
        """Return every group for the topology: those with a table, and this worker's own."""
        names = dict.fromkeys((*self.groups, self.group))
        return tuple(self.group_settings(name).spec(name) for name in names)

    @field_validator("prefix")
    @classmethod
    def _usable_prefix(cls, prefix: str) -> str:
        return Names(prefix).prefix

    @field_validator("groups")
    @classmethod
    def _usable_groups(cls, groups: Mapping[str, GroupSettings]) -> Mapping[str, GroupSettings]:
        for name in groups:
            checked_group(name)
        return groups

    @field_validator("group")
    @classmethod
    def _known_group(cls, group: str, info: ValidationInfo) -> str:
        checked_group(group)
        groups = info.data.get("groups") or {}
        if groups and group not in groups and group != "default":
            near = get_close_matches(group, groups, n=1) or sorted(groups)[:1]
            raise ValueError(
                f"there is no table [groups.{group}]: write one, or did you mean {near[0]}?"
            )
        return group

    @field_validator("http_host", "console_host")
    @classmethod
    def _some_host(cls, host: str) -> str:
        if not host.strip() or "/" in host:
            raise ValueError(
                "that is no host to listen on; write 127.0.0.1 for this machine only, "
                "or 0.0.0.0 for whoever reaches it"
            )
        return host.strip()

    @field_validator("agent_id")
    @classmethod
    def _usable_agent_id(cls, agent_id: str) -> str:
        if not _AGENT_ID.fullmatch(agent_id):
            raise ValueError(
                "an agent id is part of queue names and addresses; "
                "use 1 to 128 letters, digits, '_', '-' or '.'"
            )
        return agent_id

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - read by `load`
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is passed: `load` reads the places itself, to know which one spoke."""
        return (init_settings,)
