"""The bot as operators run it: ``python -m bot`` in a process of its own, with its own worker and SQLite."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
ANSWER_SECONDS = 90.0


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment with nothing of the developer's own settings, and these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COLORIZEBOT_")}
    return {
        **clean,
        "PYTHONPATH": str(ROOT),
        "COLORIZEBOT_DATA_DIR": str(folder / "data"),
        "COLORIZEBOT_WEB__PORT": "0",
        **settings,
    }


def call_bot(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m bot`` with arguments in ``folder`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class RunningBot:
    """A bot that is serving; its log grows in ``bot.log``."""

    def __init__(self, folder: Path, process: subprocess.Popen[str], log: Path) -> None:
        self.folder = folder
        self.process = process
        self.log = log
        self.said: list[str] = []
        self.url = ""

    def read_until_served(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("web: "):
                self.url = line.removeprefix("web: ").strip().rstrip("/")
                return
        raise AssertionError(f"it ended with status {self.process.wait()}: {self.log.read_text()}")

    def post(self, photo: bytes, name: str = "photo.jpg") -> str:
        """Post a photo as ``curl -F image=@photo.jpg`` does; return the request's id."""
        boundary = b"boundary-of-the-test"
        body = (
            b'--%b\r\nContent-Disposition: form-data; name="image"; filename="%b"\r\n'
            b"Content-Type: image/jpeg\r\n\r\n%b\r\n--%b--\r\n" % (boundary, name.encode(), photo, boundary)
        )
        request = urllib.request.Request(
            f"{self.url}/api/requests",
            data=body,
            headers={"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 202
            return str(json.load(answer)["id"])

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return bytes(answer.read())

    def status(self, request_id: str) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.get(f"/api/requests/{request_id}"))
        return status

    def until(self, request_id: str, *states: str) -> dict[str, Any]:
        """Wait until a request is in one of the states; return its status."""
        return wait_for(
            lambda: status if (status := self.status(request_id))["state"] in states else None,
            f"{request_id} to be {' or '.join(states)}",
        )

    def worker_pid(self) -> int:
        """Return the process id of the worker that was started last."""
        return int(wait_for(lambda: re.findall(r"worker started: pid=(\d+)", self.log.read_text()), "a worker")[-1])

    def until_logged(self, text: str) -> None:
        wait_for(lambda: text in self.log.read_text() or None, f"“{text}” in the log")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def wait_for(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


@contextmanager
def running_bot(folder: Path, **settings: str) -> Iterator[RunningBot]:
    """Run a bot whose data is below ``folder``; it is killed at the end unless it has stopped by then."""
    log = folder / "bot.log"
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot"],
            cwd=folder,
            env=environment(folder, **settings),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    try:
        bot = RunningBot(folder, process, log)
        bot.read_until_served()
        yield bot
    finally:
        process.kill()
        process.wait()
