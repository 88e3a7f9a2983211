"""Reads the settings from their five places, and remembers which one spoke.

Flags come first, then the environment, `.env`, the secrets directory, and `leveret.toml`. A name
that begins like ours and means nothing is refused everywhere: a setting that is misspelt and thus
silently not there is the worst kind.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_settings import (
    DotEnvSettingsSource,
    EnvSettingsSource,
    SecretsSettingsSource,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSetting

from workers.settings.errors import SettingsError, problems_of, unknown
from workers.settings.model import Settings

PREFIX: Final = "LEVERET_"
CONFIG: Final = "LEVERET_CONFIG"
SECRETS: Final = "LEVERET_SECRETS_DIR"
#: Variables of ours that are no settings: where settings are, and the mark of a private broker's
#: processes, which such a broker's children inherit; and where the Makefile of a project made by
#: `leveret new` gets us from.
NOT_SETTINGS: Final = frozenset({CONFIG, SECRETS, "LEVERET_PRIVATE_BROKER", "LEVERET_SOURCE"})
#: Where Docker and Kubernetes put secrets.
DEFAULT_SECRETS: Final = Path("/run/secrets")
#: Settings whose values are never repeated in an error.
SECRET: Final = frozenset({"amqp_url", "inbox", "console_users"})

#: Settings that let anybody in where nobody says: an empty variable, which elsewhere counts as
#: none, may have been meant to let in nobody.
OPEN: Final = frozenset({"reply_to_allow"})

#: What Kubernetes puts into every container beside a Service called `leveret`.
_SERVICE_LINK: Final = re.compile(
    r"LEVERET_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP)(?:_\w+)?)"
)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What one place says, and what it is called for each name."""

    values: Mapping[str, Any]
    place: str

    def source(self, name: str) -> str:
        return self.place.format(name=f"{PREFIX}{name.upper()}", flag=name.replace("_", "-"))


@dataclass(frozen=True, slots=True)
class _Places:
    """The files settings are read from; None where there is none."""

    env_file: Path | None
    secrets: Path | None
    toml: Path | None


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of this process, or raise SettingsError with a line for each mistake.

    `flags` are setting names and values from the command line; a None counts as not given.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    env_file = _env_file()
    places = _places(env_file)
    problems = [
        *_unknown_variables(os.environ, "the environment"),
        *_unknown_variables(env_file, ".env"),
        *_unknown_secrets(places.secrets),
        *_emptied(os.environ, "the environment"),
        *_emptied(env_file, ".env"),
    ]
    spoken = [_Spoken(given, "--{flag}"), *_read(places, problems)]
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for one in spoken:
        for name, value in one.values.items():
            if name not in Settings.model_fields:
                problems.append(f"{unknown(name, Settings.model_fields)} (in {one.source(name)})")
            elif name not in merged:
                merged[name] = value
                sources[name] = one.source(name)
    return _validated(merged, sources, problems)


def _validated(
    merged: Mapping[str, Any], sources: Mapping[str, str], problems: list[str]
) -> Settings:
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        raise SettingsError([*problems, *problems_of(error, sources, SECRET)]) from None
    if problems:
        raise SettingsError(problems)
    settings._sources = sources  # noqa: SLF001 - the only place that knows them
    return settings


def _env_file() -> Mapping[str, str | None]:
    path = Path(".env")
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f".env cannot be read ({error}): repair or remove it"]) from error
    _parsed(text)
    return dotenv_values(stream=StringIO(text))


def _parsed(text: str) -> None:
    """Raise SettingsError where something of ours in `.env` would be left out without a word."""
    for one in parse_stream(StringIO(text)):
        said = one.original.string
        if one.error and PREFIX in said.upper():
            line = one.original.line + len(said) - len(said.lstrip("\r\n"))
            raise SettingsError(
                [f".env line {line} is no NAME=value; does a quote not end? Mend that line"]
            )


def _places(env_file: Mapping[str, str | None]) -> _Places:
    def told(name: str) -> Path | None:
        text = os.environ.get(name) or env_file.get(name)
        return Path(text).expanduser() if text else None

    secrets, toml = told(SECRETS), told(CONFIG)
    if secrets is not None and not secrets.is_dir():
        raise SettingsError([f"{SECRETS}: {secrets} is no directory: make it or unset {SECRETS}"])
    if toml is not None and not toml.is_file():
        raise SettingsError([f"{CONFIG}: there is no file {toml}: write it or unset {CONFIG}"])
    if secrets is None and DEFAULT_SECRETS.is_dir():
        secrets = DEFAULT_SECRETS
    if toml is None and Path("leveret.toml").is_file():
        toml = Path("leveret.toml")
    return _Places(Path(".env") if env_file else None, secrets, toml)


def _read(places: _Places, problems: list[str]) -> list[_Spoken]:
    """Return what each place says, the strongest first; adds to the problems what is unreadable."""
    ours = Settings
    try:
        spoken = [
            _Spoken(EnvSettingsSource(ours)(), "{name}"),
            _Spoken(
                # Others keep their variables in the same file; ours were looked at already.
                DotEnvSettingsSource(ours, places.env_file, dotenv_filtering="only_existing")(),
                ".env {name}",
            ),
        ]
        if places.secrets is not None:
            said = SecretsSettingsSource(ours, places.secrets)()
            spoken.append(_Spoken(said, f"{places.secrets}/{{name}}"))
        if places.toml is not None:
            spoken.append(_Spoken(TomlConfigSettingsSource(ours, places.toml)(), str(places.toml)))
    except UnreadableSetting as error:
        raise SettingsError([*problems, f"{error}: write it as JSON, or as leveret.toml"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            [*problems, f"{places.toml} is not TOML ({error}): repair it"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([*problems, f"a file of settings cannot be read: {error}"]) from None
    return spoken


def _unknown_variables(variables: Mapping[str, str | None], where: str) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS
    return [
        f"{unknown(name.upper(), known)} (in {where})"
        for name, value in variables.items()
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and not _is_service_link(name, value or "")
    ]


def _emptied(variables: Mapping[str, str | None], where: str) -> list[str]:
    return [
        f"{name} is empty (in {where}): write * for anybody, a lone comma for nobody, or remove it"
        for name, value in variables.items()
        if name.upper().removeprefix(PREFIX).lower() in OPEN and not (value or "").strip()
    ]


def _is_service_link(name: str, value: str) -> bool:
    if name.endswith("_PORT") and value.startswith(("tcp://", "udp://")):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None


def _unknown_secrets(directory: Path | None) -> list[str]:
    if directory is None:
        return []
    return _unknown_variables({file.name: "" for file in directory.iterdir()}, str(directory))
