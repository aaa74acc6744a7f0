"""What keeps a cluster from starting, found out before Ray is."""

from __future__ import annotations

import socket

from inference.cluster.settings import ClusterSettings
from inference.settings import UnusableSettings, WorkerSettings, names_of
from inference.worker.access import check_access, check_exposure
from inference.worker.listening import complaint_about


async def check(worker: WorkerSettings) -> None:
    """Raise ``UnusableSettings`` for what a worker can do and a cluster can't, and where a worker would."""
    if worker.socket is not None:
        raise UnusableSettings(f"{names_of('socket')} can't be had here: a cluster listens on TCP alone.")
    if worker.tls_client_ca is not None:
        raise UnusableSettings(
            f"{names_of('tls_client_ca')} can't be had here, for Ray Serve doesn't check clients' certificates: please "
            f"set {names_of('token')}."
        )
    check_access(worker)
    await check_exposure(worker)


def port_of(worker: WorkerSettings, cluster: ClusterSettings) -> int:
    """Return the port to listen on, a free one for 0; raises ``UnusableSettings`` when this machine's can't be had."""
    if cluster.address is not None:
        return worker.port
    family = socket.AF_INET6 if ":" in worker.host else socket.AF_INET
    try:
        with socket.create_server((worker.host, worker.port), family=family) as listener:
            port: int = listener.getsockname()[1]
            return port
    except OSError as error:
        raise UnusableSettings(complaint_about(error, worker.host, worker.port)) from error
