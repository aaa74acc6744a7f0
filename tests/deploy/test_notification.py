"""Bot and worker tell the service manager when they are ready, well and stopping: real processes, a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.service_manager import ServiceManager
from tests.deploy.notify_socket import NotifySocket, notify_socket
from tests.end_to_end.running_bot import environment
from tests.ports import free_port

_WATCHDOG_SECONDS = 0.6
_SOON = 3 * _WATCHDOG_SECONDS


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[NotifySocket]:
    with notify_socket(tmp_path) as listener:
        yield listener


@contextmanager
def _started(folder: Path, manager: NotifySocket, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment(
                folder,
                NOTIFY_SOCKET=manager.address,
                WATCHDOG_USEC=str(int(_WATCHDOG_SECONDS * 1e6)),
                **settings,
            ),
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_is_ready_once_its_model_is_loaded_and_says_that_it_drains(
    tmp_path: Path, manager: NotifySocket
) -> None:
    port = free_port()
    with _started(tmp_path, manager, "-m", "inference", "--port", str(port)) as worker:
        ready = manager.until("READY")
        assert "on cpu" in ready["STATUS"]
        assert _get(port, "/readyz").startswith("HTTP/1.1 200")
        worker.terminate()
        assert manager.until("STOPPING")["STOPPING"] == "1"
        assert worker.wait(60) == 0


def test_a_bot_is_ready_once_its_page_is_there_and_its_own_worker_does_not_speak_for_it(
    tmp_path: Path, manager: NotifySocket
) -> None:
    port = free_port()
    with _started(tmp_path, manager, "-m", "bot", COLORIZEBOT_WEB__PORT=str(port)) as bot:
        manager.until("READY")
        assert _get(port, "/healthz").startswith("HTTP/1.1 200")
        _wait_until(lambda: "worker: ready" in (tmp_path / "log").read_text())
        bot.terminate()
        manager.until("STOPPING")
        assert bot.wait(60) == 0
    assert sum("READY" in message for message in manager.heard) == 1


def test_a_process_whose_event_loop_hangs_falls_silent(tmp_path: Path, manager: NotifySocket) -> None:
    hang = """
import asyncio, signal, sys, threading, time
from inference.service_manager import ServiceManager

def sleep():
    print("asleep", flush=True)
    time.sleep(60)

async def run():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, sleep)  # the loop's own thread sleeps
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # others are well
    async with ServiceManager().watched():
        await asyncio.sleep(60)

asyncio.run(run())
"""
    with _started(tmp_path, manager, "-c", hang) as process:
        _expect_pings(manager)
        process.send_signal(signal.SIGUSR1)
        _wait_until(lambda: "asleep" in (tmp_path / "log").read_text())
        manager.forget()
        assert manager.count("WATCHDOG", _SOON) == 0


def test_a_stopped_worker_falls_silent(tmp_path: Path, manager: NotifySocket) -> None:
    with _started(tmp_path, manager, "-m", "inference", "--port", "0") as worker:
        manager.until("READY")
        _expect_pings(manager)
        worker.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
        manager.forget()
        assert manager.count("WATCHDOG", _SOON) == 0
        worker.send_signal(signal.SIGCONT)


async def test_nobody_is_told_where_there_is_no_manager() -> None:
    manager = ServiceManager({})
    manager.ready("well")
    manager.stopping()
    async with manager.watched():
        assert manager.watchdog_seconds == 0


def test_the_variables_are_taken_so_that_children_do_not_speak_in_the_process_name() -> None:
    variables = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid()), "A": "b"}
    assert ServiceManager(variables).watchdog_seconds == 0.5
    assert variables == {"A": "b"}


def test_a_watchdog_meant_for_another_process_is_left_alone() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}).watchdog_seconds == 0


async def test_a_manager_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "3000"})
    async with manager.watched():
        manager.ready("well")
        await asyncio.sleep(0.01)


def test_a_process_that_was_short_of_descriptors_speaks_again(tmp_path: Path, manager: NotifySocket) -> None:
    short = """
import asyncio, resource
from inference.service_manager import ServiceManager

async def run():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with ServiceManager().watched():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, most[1]))
        await asyncio.sleep(1)
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
        await asyncio.sleep(60)

asyncio.run(run())
"""
    with _started(tmp_path, manager, "-c", short):
        _expect_pings(manager)


def test_an_abstract_address_is_told_too() -> None:
    name = f"colorizebot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready("here")
        assert listener.recv(100) == b"READY=1\nSTATUS=here"


def _expect_pings(manager: NotifySocket) -> None:
    """Expect that a process says in time that all is well, though a busy machine may hold it up at first."""
    manager.until("WATCHDOG")
    assert any(manager.count("WATCHDOG", _SOON) >= 3 for _ in range(15)), manager.heard


def _get(port: int, path: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return connection.recv(200).decode()


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
