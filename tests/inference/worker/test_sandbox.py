"""What a confined process can do, and what not: tried in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.inference.worker.attempts import ATTEMPTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines processes in these ways")

ROOT = Path(__file__).parents[3]
LANDLOCK = {"read another's file", "read who is who", "read the environment", "list a folder"}
CONFINE = "from inference.worker.sandbox import confine\n"


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False, **more
    )


def answer(*arguments: str, **more: Any) -> Any:
    """Return the JSON that a program printed last."""
    ended = run(*arguments, **more)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@cache
def outcomes(manner: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return answer("-m", "tests.inference.worker.attempts", manner, cwd=folder)


def has_landlock() -> bool:
    return bool(outcomes("confined")["confinement"]["files"])


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_refuses_what_a_free_process_can_do(attempt: str) -> None:
    assert outcomes("free")[attempt] == "done"
    if attempt in LANDLOCK and not has_landlock():
        pytest.skip("this kernel has no Landlock")
    assert outcomes("confined")[attempt] in {"PermissionError", "MemoryError", "OSError", "ValueError"}


def test_tells_what_took_hold() -> None:
    told = outcomes("confined")["confinement"]
    assert told["system_calls"]
    assert told["rights"]
    assert told["memory"]
    assert told["missing"] == [] or (len(told["missing"]) == 1 and "Landlock" in told["missing"][0])


def test_codecs_work_inside() -> None:
    program = """
import io, json
import numpy as np
from PIL import Image
from inference.imaging import Limits, decode, encode
from inference.vocabulary import OutputFormat, RecolorOptions
from inference.worker.sandbox import confine

confinement = confine(memory_bytes=2**30, cpu_seconds=20)
noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
types = {}
for kind in "JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF":
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind)
    photo = decode(file.getvalue(), Limits())
    ab = [np.zeros((2, 56, 56), np.float32) for _ in photo.network_input([(224, 224)])]
    types[kind] = [encode(photo, ab, RecolorOptions(format=each)).media_type for each in (
        OutputFormat.JPEG, OutputFormat.PNG, OutputFormat.WEBP)]
print(json.dumps([confinement.system_calls, types]))
"""
    system_calls, types = answer("-c", program)
    assert system_calls
    assert set(types) == {"JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF"}
    assert {tuple(each) for each in types.values()} == {("image/jpeg", "image/png", "image/webp")}


def test_goes_on_talking_with_its_parent() -> None:
    program = f"""
import os, socket, sys
{CONFINE}
parent = socket.socket(fileno=int(sys.argv[1]))
confine(memory_bytes=2**30, cpu_seconds=None)
picture = os.memfd_create("picture")
os.write(picture, parent.recv(100).upper())
socket.send_fds(parent, [b"here"], [picture])
"""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"photo")
        ended = run("-c", program, str(theirs.fileno()), pass_fds=[theirs.fileno()])
        assert ended.returncode == 0, ended.stderr
        message, [picture], _, _ = socket.recv_fds(ours, 10, 1)
    with os.fdopen(picture, "rb") as file:
        file.seek(0)
        assert (message, file.read()) == (b"here", b"PHOTO")


def test_starts_threads_imports_modules_and_shows_where_it_failed() -> None:
    program = f"""
import threading
{CONFINE}
confine(memory_bytes=2**30, cpu_seconds=None)
import sqlite3, xml.dom.minidom
from inference.problems import Problem
thread = threading.Thread(target=print, args=["from a thread"])
thread.start()
thread.join()
Problem.from_json(None)
"""
    ended = run("-c", program)
    assert "from a thread" in ended.stdout
    assert "document.get(" in ended.stderr  # the line of our code


def test_endless_work_is_killed() -> None:
    ended = run("-c", f"{CONFINE}confine(memory_bytes=2**30, cpu_seconds=1)\nwhile True: pass")
    assert ended.returncode == -signal.SIGKILL


def test_threads_that_run_already_are_filtered_too_and_told_of() -> None:
    program = f"""
import json, socket, threading
{CONFINE}
confined, said = threading.Event(), []
def later():
    confined.wait()
    try:
        socket.socket()
    except PermissionError:
        said.append("refused")
thread = threading.Thread(target=later)
thread.start()
confinement = confine(memory_bytes=2**30, cpu_seconds=None)
confined.set()
thread.join()
print(json.dumps([said, confinement.files, confinement.missing]))
"""
    said, files, missing = answer("-c", program)
    assert said == ["refused"]
    assert not files
    assert "files can be read" in missing[0]


@pytest.mark.parametrize(
    ("lacking", "consequence"),
    [
        ("from inference.worker import landlock; landlock._CREATE_RULESET = 9_999", "no Landlock"),
        (
            "from inference.worker import sandbox; sandbox._SECCOMP = dict.fromkeys(sandbox._SECCOMP, 9_999)",
            "not filtered",
        ),
        ("import platform; platform.machine = lambda: 'riscv64'", "riscv64"),
        ("import sys; sys.platform = 'darwin'", "only Linux"),
    ],
)
def test_says_what_a_system_lacks(lacking: str, consequence: str) -> None:
    program = f"""
import json
{CONFINE}
{lacking}
confinement = confine(memory_bytes=2**30, cpu_seconds=None)
print(json.dumps([confinement.files and confinement.system_calls, confinement.missing]))
"""
    whole, missing = answer("-c", program)
    assert not whole
    assert any(consequence in each for each in missing)
