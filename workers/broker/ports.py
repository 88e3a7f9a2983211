"""Free TCP ports of the loopback, for a broker that will listen on them a second later."""

import contextlib
import random
import socket

#: Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes a port while
#: a node is down between its kill and its restart; above what services are known for.
_PORTS = range(20_001, 32_000)


def free_ports(count: int) -> tuple[int, ...]:
    """Return distinct ports nobody listens on now; another process may still be quicker.

    All of them are held until the last is found. Raises OSError when there are not enough.
    """
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = held.enter_context(socket.socket())
            # As the broker itself does: a connection still in TIME_WAIT is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return tuple(found)
    raise OSError(f"only {len(found)} of {count} ports are free on 127.0.0.1; end what holds them")
