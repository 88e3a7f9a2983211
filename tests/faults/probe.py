"""Asks a worker whether it is ready, as Kubernetes does."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import urlopen


def ready(port: int) -> tuple[bool, str]:
    """Return what its page says, and whether that is yes."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as page:
            return True, page.read().decode().strip()
    except HTTPError as refused:
        return False, refused.read().decode().strip()
    except OSError as error:
        return False, f"no page: {error}"
