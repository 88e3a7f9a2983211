"""Where the broker's HTTP API is: as it was named, or on this machine as far as that is known.

AMQP cannot list queues; only the API can. A login is never sent to another machine unasked.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from workers.broker import BrokerStartError, NamedBroker, status
from workers.doctor.unsafe import is_local

if TYPE_CHECKING:
    from workers.settings import Settings

#: Where AMQP listens unless somebody moved it; the API is then likely to be at its usual port too.
_USUAL_PORT: Final = 5672


class HttpApi(NamedTuple):
    """An HTTP API that can be asked about the broker."""

    url: str
    #: Whether somebody named it, so that its silence is worth telling.
    named: bool = False
    #: Whether it is that of the broker of `leveret broker start`, which no rabbitmqctl reaches.
    private: bool = False


def http_api(settings: Settings, named: str | None) -> HttpApi | None:
    """Return where to ask, or None where that is not known."""
    if named is not None:
        return HttpApi(named, named=True)
    if settings.amqp_url is None:
        return None
    url = settings.amqp_url.get_secret_value()
    asked = urlsplit(url)
    if not is_local(asked.hostname or ""):
        return None
    with suppress(BrokerStartError, OSError):
        kept = status()
        for amqp, api in zip(kept.amqp_urls, kept.management_urls, strict=True) if kept else ():
            if urlsplit(amqp).port == asked.port:
                return HttpApi(api, private=True)
    if (asked.port or _USUAL_PORT) == _USUAL_PORT and asked.scheme == "amqp":
        return HttpApi(NamedBroker(url).management_url)
    return None


def vhost_of(settings: Settings) -> str:
    """Return the virtual host that is worked in."""
    url = settings.amqp_url
    return unquote(urlsplit(url.get_secret_value()).path[1:] if url else "") or "/"


def removal(api: HttpApi, vhost: str, queue: str) -> str:
    """Return the command that removes a queue with all it holds."""
    if not api.private:
        return f"rabbitmqctl -p {shlex.quote(vhost)} delete_queue {shlex.quote(queue)}"
    at = urlsplit(api.url)
    login = f"{at.username}:{at.password}"  # guest's, which opens it from this machine only
    path = f"api/queues/{quote(vhost, safe='')}/{quote(queue, safe='')}"
    return f"curl -u {login} -X DELETE http://{at.hostname}:{at.port}/{path}"
