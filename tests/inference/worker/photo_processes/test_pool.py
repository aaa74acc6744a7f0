"""Real processes with real photos."""

from __future__ import annotations

import asyncio
import errno
import json
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.bench.family import family_of
from inference.imaging import Limits, decode, encode
from inference.problems import BrokenImage, OutOfMemory, TooManyPixels
from inference.vocabulary import InputKind, RecolorOptions
from inference.worker.photo_processes import fork_server as of_forking
from inference.worker.photo_processes.fork_server import ForkServer
from inference.worker.photo_processes.messages import receive, send
from inference.worker.photo_processes.pool import PhotoProcesses
from inference.worker.photo_processes.process import KILLED, Bounds, PhotoProcess, ProcessDied
from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import stopped

SHAPES = [(192, 192)]
AB = [np.full((2, 48, 48), 20, np.float32)]
GIBIBYTE = 2**30

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at the Linux way")

Make = Callable[..., PhotoProcesses]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time to tell how a process died."""
    monkeypatch.setattr(of_forking, "_MANNER_SECONDS", 60.0)


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    fork_server = ForkServer()
    yield fork_server
    fork_server.close()


@pytest.fixture
def make(fork_server: ForkServer) -> Make:
    def make(
        count: int = 1, niceness: int = 0, memory: int = GIBIBYTE, seconds: float = 60, limits: Limits | None = None
    ) -> PhotoProcesses:
        bounds = Bounds(limits or Limits(), memory, seconds)
        return PhotoProcesses(count, fork_server, bounds, niceness=niceness)

    return make


@pytest.fixture(scope="module")
def large() -> bytes:
    """Takes a second or so to decode."""
    return encoded(photograph(7000, 5000, "RGB"), quality=5, progressive=True)


def forked() -> set[int]:
    """The photo processes of this test run; not the fork servers, whose children they are."""
    return {pid for pid in family_of(os.getpid()) if b"photo_processes" in _command(_parent(pid))}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return os.getpid()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def newly_forked(before: set[int]) -> int:
    async with asyncio.timeout(30):
        while not (new := forked() - before):
            await asyncio.sleep(0.005)
    return new.pop()


async def wait_until_gone(processes: set[int]) -> None:
    async with asyncio.timeout(30):
        while any(Path(f"/proc/{process}").exists() for process in processes):
            await asyncio.sleep(0.01)


async def test_a_photo_comes_back_as_it_does_in_one_process(make: Make, jpeg: bytes) -> None:
    processes = make()
    pixels, _ = await processes.measure(jpeg)
    photo = await processes.decode(jpeg, SHAPES)
    picture, _ = await photo.encode(AB, RecolorOptions(vividness=1.5))
    photo.forget()
    own = decode(jpeg, Limits())
    assert (pixels, photo.kind) == (320 * 240, InputKind.GRAY)
    np.testing.assert_array_equal(photo.lightness[0], own.network_input(SHAPES)[0])
    assert picture == encode(own, AB, RecolorOptions(vividness=1.5))


async def test_what_is_wrong_with_a_photo_is_told(make: Make, jpeg: bytes) -> None:
    with pytest.raises(BrokenImage):
        await make().decode(jpeg[:3000], SHAPES)
    with pytest.raises(TooManyPixels, match="320 × 240"):
        await make(limits=Limits(max_pixels=1000)).measure(jpeg)


async def test_what_codecs_have_to_say_of_a_photo_is_not_logged(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(encoded(photograph(600, 400, "L").convert("1"), "TIFF", compression="group4"))
    damaged[200:2000:7] = bytes(len(range(200, 2000, 7)))
    fork_server = ForkServer()
    processes = PhotoProcesses(1, fork_server, Bounds(Limits(), GIBIBYTE, 60))
    await processes.decode(bytes(damaged), SHAPES)
    fork_server.close()
    assert capfd.readouterr().err == ""


async def test_a_photo_that_does_not_fit_into_memory_leaves_the_process_alive(
    make: Make, large: bytes, jpeg: bytes
) -> None:
    processes = make(memory=60_000_000)
    with pytest.raises(OutOfMemory):
        await processes.decode(large, SHAPES)
    assert (await processes.decode(jpeg, SHAPES)).kind is InputKind.GRAY


async def test_photos_under_way_go_before_new_ones(make: Make, large: bytes, jpeg: bytes) -> None:
    processes, order = make(), list[str]()
    first = await processes.decode(jpeg, SHAPES)

    async def note(name: str, work: object) -> None:
        await work  # type: ignore[misc]
        order.append(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(note("large", processes.decode(large, SHAPES)))
        await asyncio.sleep(0)
        tasks.create_task(note("new", processes.decode(jpeg, SHAPES)))
        await asyncio.sleep(0)
        tasks.create_task(note("under way", first.encode(AB, RecolorOptions())))
    assert order == ["large", "under way", "new"]


async def test_cancelled_before_it_began_a_photo_never_begins(make: Make, large: bytes, jpeg: bytes) -> None:
    processes = make()
    running = asyncio.create_task(processes.decode(large, SHAPES))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(processes.decode(b"never looked at", SHAPES))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not running.done()
    await running
    assert (await processes.decode(jpeg, SHAPES)).kind is InputKind.GRAY


@needs_linux
async def test_cancelled_midway_it_waits_for_the_process(make: Make, jpeg: bytes) -> None:
    processes, before = make(), forked()
    await processes.measure(jpeg)  # so that the process is there
    with stopped(await newly_forked(before)):
        running = asyncio.create_task(processes.decode(jpeg, SHAPES))
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.sleep(0.05)
        assert not running.done()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await processes.decode(jpeg, SHAPES)).kind is InputKind.GRAY


@needs_linux
async def test_a_process_that_dies_costs_what_it_held_and_is_replaced(make: Make, jpeg: bytes) -> None:
    processes, before = make(), forked()
    held = await processes.decode(jpeg, SHAPES)
    process = await newly_forked(before)
    with stopped(process):
        running = asyncio.create_task(processes.decode(jpeg, SHAPES))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(held.encode(AB, RecolorOptions()))
        await asyncio.sleep(0)
        os.kill(process, signal.SIGKILL)
    with pytest.raises(ProcessDied, match=KILLED) as own:
        await running
    with pytest.raises(ProcessDied) as other:
        await waiting
    assert (own.value.of_this_photo, other.value.of_this_photo) == (True, False)
    with pytest.raises(ProcessDied):
        await held.encode(AB, RecolorOptions())
    held.forget()
    assert (await processes.decode(jpeg, SHAPES)).kind is InputKind.GRAY


@needs_linux
async def test_processes_that_died_with_nothing_to_do_are_not_blamed_on_a_photo(make: Make, jpeg: bytes) -> None:
    processes, before = make(count=2), forked()
    held = (await asyncio.gather(*(processes.decode(jpeg, SHAPES) for _ in range(6))))[0]
    killed = forked() - before
    for process in killed:
        os.kill(process, signal.SIGKILL)
    await wait_until_gone(killed)
    await asyncio.sleep(0.05)  # so that the loop hears of it
    assert (await processes.decode(jpeg, SHAPES)).kind is InputKind.GRAY
    with pytest.raises(ProcessDied) as death:
        await held.encode(AB, RecolorOptions())
    assert not death.value.of_this_photo


@needs_linux
async def test_a_process_that_takes_too_long_is_killed(make: Make, jpeg: bytes) -> None:
    await make().measure(jpeg)  # so that the fork server has started
    processes, before = make(seconds=3), forked()
    await processes.measure(jpeg)
    process = await newly_forked(before)
    with stopped(process), pytest.raises(ProcessDied, match="killed after 3 s") as death:
        await processes.decode(jpeg, SHAPES)
    await wait_until_gone({process})
    assert death.value.of_this_photo
    assert (await processes.decode(jpeg, SHAPES)).kind is InputKind.GRAY


@needs_linux
async def test_processes_are_as_many_as_are_needed_and_give_way_when_told_so(make: Make, jpeg: bytes) -> None:
    processes, before = make(count=3, niceness=7), forked()
    await processes.decode(jpeg, SHAPES)
    await processes.decode(jpeg, SHAPES)
    assert len(forked() - before) == 1
    own = os.getpriority(os.PRIO_PROCESS, 0)
    await asyncio.gather(*(processes.decode(jpeg, SHAPES) for _ in range(12)))
    async with asyncio.timeout(30):
        while [os.getpriority(os.PRIO_PROCESS, process) for process in forked() - before].count(own + 7) < 3:
            await asyncio.sleep(0.01)
    assert len(forked() - before) == 3


@needs_linux
async def test_a_process_is_shut_in(make: Make, jpeg: bytes) -> None:
    before = forked()
    await make().measure(jpeg)
    status = Path(f"/proc/{await newly_forked(before)}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


@needs_linux
async def test_a_fork_server_that_died_is_replaced_and_takes_its_processes_along(jpeg: bytes) -> None:
    fork_server = ForkServer()
    before = forked()
    processes = PhotoProcesses(1, fork_server, Bounds(Limits(), GIBIBYTE, 60))
    await processes.measure(jpeg)
    old = await newly_forked(before)
    server = int(Path(f"/proc/{old}/stat").read_text().split()[3])
    os.kill(server, signal.SIGKILL)
    os.kill(old, signal.SIGKILL)
    with pytest.raises(ProcessDied):
        await processes.measure(jpeg)
    assert (await processes.measure(jpeg))[0] == 320 * 240
    new = forked() - before - {old}
    fork_server.close()
    await wait_until_gone(new)


async def test_a_process_that_answers_what_was_not_asked_is_not_trusted(jpeg: bytes) -> None:
    """As one may that a photo has taken over; a fork server of the test's own stands in for it."""
    answers: list[tuple[str, dict[str, object]]] = [
        ("measure", {"pixels": "many", "seconds": 0.1}),
        ("measure", {"pixels": math.inf, "seconds": 0.1}),
        ("measure", {"problem": ["not", "one"]}),
        ("decode", {"kind": "gray", "shapes": [[4, 4]], "seconds": 0.1, "blobs": [64]}),
    ]
    for asked, answer in answers:
        processes = PhotoProcesses(1, TakenOver(asked, answer), Bounds(Limits(), GIBIBYTE, 60))
        with pytest.raises(ProcessDied, match="nonsense"):
            await (processes.measure(jpeg) if asked == "measure" else processes.decode(jpeg, SHAPES))


async def test_a_start_that_fails_costs_one_photo_its_turn_and_is_tried_again(jpeg: bytes) -> None:
    fork_server = OutOfDescriptors()
    processes = PhotoProcesses(1, fork_server, Bounds(Limits(), GIBIBYTE, 60))
    with pytest.raises(ProcessDied, match="Too many open files"):
        await processes.measure(jpeg)
    async with asyncio.timeout(30):
        assert (await processes.measure(jpeg))[0] == 320 * 240
    fork_server.close()


class OutOfDescriptors(ForkServer):
    """For the first time that it is asked."""

    is_out = True

    def fork(self, niceness: int) -> socket.socket:
        if self.is_out:
            self.is_out = False
            raise OSError(errno.EMFILE, "Too many open files")
        return super().fork(niceness)


class TakenOver(ForkServer):
    """Its processes introduce themselves, and then answer ``asked`` with ``answer``."""

    def __init__(self, asked: str, answer: dict[str, object]) -> None:
        self._asked, self._answer = asked, answer

    def fork(self, niceness: int) -> socket.socket:
        own, other = socket.socketpair()
        threading.Thread(target=self._serve, args=(other,), daemon=True).start()
        return own

    def _serve(self, connection: socket.socket) -> None:
        receive(connection)
        send(connection, {"pid": 0, "missing": []})
        order, _ = receive(connection)
        assert order["do"] == self._asked
        text = json.dumps({"blobs": [], **self._answer}).encode()
        connection.sendall(len(text).to_bytes(4, "big") + text + b"x" * 64)


@needs_linux
async def test_a_fork_server_that_is_closed_ends_in_peace(jpeg: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Also where nobody has asked how a process died."""
    fork_server, before = ForkServer(), forked()
    await PhotoProcesses(1, fork_server, Bounds(Limits(), GIBIBYTE, 60)).measure(jpeg)
    process = await newly_forked(before)
    os.kill(process, signal.SIGKILL)
    await wait_until_gone({process})
    await asyncio.sleep(0.1)
    fork_server.close()
    assert capfd.readouterr().err == ""


@needs_linux
async def test_a_fork_server_ends_in_peace_however_many_it_takes_along(capfd: pytest.CaptureFixture[str]) -> None:
    """Those that it kills first die while it kills the others."""
    fork_server, before = ForkServer(), forked()
    connections = [fork_server.fork(0) for _ in range(40)]
    async with asyncio.timeout(30):
        while len(forked() - before) < len(connections):
            await asyncio.sleep(0.01)
    fork_server.close()
    assert capfd.readouterr().err == ""
    for connection in connections:
        connection.close()


@needs_linux
async def test_a_fork_server_forks_on_however_many_deaths_nobody_asked_about(fork_server: ForkServer) -> None:
    bounds = Bounds(Limits(), GIBIBYTE, 60)
    for _ in range(400):
        process = await PhotoProcess.start(fork_server, 0, bounds)
        os.kill(process.pid, signal.SIGKILL)
        while process.look_whether_it_lives():
            await asyncio.sleep(0.001)
