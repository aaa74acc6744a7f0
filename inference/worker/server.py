"""A worker from its start to its end: listen, load, serve until told to stop, drain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading

from inference.service_manager import ServiceManager
from inference.settings import WorkerSettings
from inference.worker import log
from inference.worker.application import build_application
from inference.worker.batching import DeviceFailed
from inference.worker.listening import listening
from inference.worker.worker import Worker

_STANDARD_INPUT = 0

OK = 0
FAILED = 1


async def serve(settings: WorkerSettings) -> int:
    """Run a worker until SIGTERM, SIGINT or (when so set) the end of standard input; return the exit status.

    Raises ``UnusableSettings`` when it can't start as the settings say.
    """
    manager = ServiceManager()
    worker = Worker(settings, manager)
    stop = stop_requests(settings)
    async with manager.watched(), listening(build_application(worker), settings) as addresses:
        for address in addresses:
            log.event("listening", address=address)
        status = await _serve_until(stop, worker)
    log.event("stopped")
    await worker.close()
    return status


async def _serve_until(stop: asyncio.Event, worker: Worker) -> int:
    running = asyncio.create_task(worker.run())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return await _after_failure(running, worker)
        await worker.drain()
        return OK
    finally:
        running.cancel()
        stopped.cancel()


async def _after_failure(running: asyncio.Task[None], worker: Worker) -> int:
    try:
        await running
    except DeviceFailed as failure:
        log.event("device_failed", reason=failure)
        await worker.drain()
    return FAILED


def stop_requests(settings: WorkerSettings) -> asyncio.Event:
    """Return an event that is set when the process is told to stop: by a signal, or as ``settings`` say."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.exit_with_stdin:
        threading.Thread(target=_wait_for_end_of_input, args=(loop, stop), name="stdin", daemon=True).start()
    return stop


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # An input that can't be read, such as a closed one, has ended too.
    with contextlib.suppress(OSError):
        while os.read(_STANDARD_INPUT, 4096):
            pass
    loop.call_soon_threadsafe(stop.set)
