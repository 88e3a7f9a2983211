"""What a worker is told before it starts: read once, from five places, refused with the fix."""

from workers.settings.errors import SettingsError
from workers.settings.explain import Row, explain
from workers.settings.groups import GroupSettings
from workers.settings.model import Settings
from workers.settings.secret_url import SecretUrl
from workers.settings.sources import load

__all__ = ["GroupSettings", "Row", "SecretUrl", "Settings", "SettingsError", "explain", "load"]
