"""``python -m inference.health PLACE [PATH]``: exit status 0 when what listens there answers 200, else 1.

For the health checks of containers. ``PLACE`` is a UNIX socket's path or ``host:port``. It uses the standard library
alone, so that a check every few seconds costs next to nothing.
"""

from __future__ import annotations

import http.client
import socket
import sys

_TIMEOUT_SECONDS = 4.0


def is_well(place: str, path: str = "/healthz") -> bool:
    """Ask ``GET path`` there; ``place`` is a UNIX socket's path, or ``host:port``."""
    connection = http.client.HTTPConnection("localhost" if "/" in place else place, timeout=_TIMEOUT_SECONDS)
    try:
        if "/" in place:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(_TIMEOUT_SECONDS)
            connection.sock.connect(place)
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_well(*sys.argv[1:3]) else 1)
