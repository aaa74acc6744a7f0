"""The container images: what the Dockerfile says, and whether what is in them runs, as far as no engine is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.requirements import PYPROJECT, name_of, requirements
from tests.deploy import image
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot
from tests.ports import free_port

TARGETS = ("bot", "worker")
_TOKEN = "a-token-of-the-tests"


def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint is not installed (extra test)")
    said = subprocess.run([linter, image.DOCKERFILE], capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_nobody_and_is_told_to_stop_itself(target: str) -> None:
    user = image.last(target, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes has to see that it isn't root"
    assert image.entry_point(target)[:2] == ["python", "-m"], "a shell would keep SIGTERM to itself"
    assert image.last(target, "STOPSIGNAL") == "SIGTERM"
    assert "inference.health" in image.last(target, "HEALTHCHECK")


def test_each_image_leaves_out_what_only_the_other_needs() -> None:
    bot, worker = (image.closure(requirements(target)) for target in TARGETS)
    assert not bot & {"torch", "numpy", "safetensors", "pillow-heif", "sympy"}
    assert not worker & {"discord-py", "praw", "sqlalchemy", "aiosqlite", "rich", "jinja2"} - image.closure(["torch"])


def test_together_the_images_have_everything() -> None:
    project = set(map(name_of, tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]))
    assert {name_of(line) for target in TARGETS for line in requirements(target)} == project


@pytest.mark.parametrize(("target", "extras"), [("bot", ["postgres", "tracing"]), ("worker", ["cluster"])])
def test_whatever_an_image_installs_is_pinned_and_so_audited(target: str, extras: list[str]) -> None:
    lines = (PYPROJECT.parent / "deploy" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines if "==" in line}
    assert image.closure(requirements(target, extras)) - pinned == set()


@pytest.mark.parametrize("only_for_cpus", [["test/test_api"], []])
def test_every_build_of_pytorch_is_made_smaller(tmp_path: Path, only_for_cpus: list[str]) -> None:
    """Those for CUDA are not built as the one for CPUs is: they have no tests."""
    kept = ["torch/bin/torch_shm_manager", "torch/lib/libtorch.so", "torch/testing/__init__.py"]
    left_out = ["torch/bin/protoc", "torch/include/ATen.h", "torch/share/cmake", "numpy/tests/a.py"]
    packages = tmp_path / "python3.11" / "site-packages"
    for name in [*kept, *left_out, *(f"torch/{each}" for each in only_for_cpus)]:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).touch()
    [command] = [
        value
        for instruction, value in image.instructions("build-worker")
        if instruction == "RUN" and "torch/include" in value
    ]
    subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True)
    assert [str(file.relative_to(packages)) for file in sorted(packages.rglob("*")) if file.is_file()] == kept


def test_there_is_no_image_and_no_extra_of_another_name() -> None:
    with pytest.raises(ValueError, match="no image x, only bot and worker"):
        requirements("x")
    with pytest.raises(ValueError, match=r"no extra y, only .*postgres"):
        requirements("bot", ["y"])


def test_the_images_answer_a_photo_with_read_only_roots_and_no_rights(tmp_path: Path) -> None:
    port, page = free_port(), free_port()
    bot_home, worker_home = image.unpacked("bot", ["postgres"], tmp_path), image.unpacked("worker", [], tmp_path)
    data, nothing, log = tmp_path / "data", tmp_path / "nothing", tmp_path / "log"
    data.mkdir(mode=0o700)
    nothing.mkdir()
    worker_variables = {
        **image.environment("worker"),
        "COLORIZEBOT_WORKER_HOST": "127.0.0.1",
        "COLORIZEBOT_WORKER_PORT": str(port),
        "COLORIZEBOT_WORKER_SOCKET": str(nothing / "worker.sock"),
        "COLORIZEBOT_WORKER_TOKEN": _TOKEN,
    }
    bot_variables = {
        **image.environment("bot"),
        "COLORIZEBOT_DATA_DIR": str(data),
        "COLORIZEBOT_INFERENCE_URL": f"http://127.0.0.1:{port}",
        "COLORIZEBOT_INFERENCE_TOKEN": _TOKEN,
        "COLORIZEBOT_WEB__HOST": "127.0.0.1",
        "COLORIZEBOT_WEB__PORT": str(page),
    }

    def healthy(target: str, home: Path, variables: dict[str, str], writable: Path) -> bool:
        command = image.health_check(target)
        with image.start(home, command, variables, writable=writable, log=tmp_path / "health") as check:
            return check.wait(60) == 0

    assert not healthy("worker", worker_home, worker_variables, nothing)
    with (
        image.start(worker_home, image.entry_point("worker"), worker_variables, writable=nothing, log=log) as worker,
        image.start(bot_home, image.entry_point("bot"), bot_variables, writable=data, log=log) as bot,
    ):
        _wait_until(lambda: healthy("worker", worker_home, worker_variables, nothing), worker, log)
        _wait_until(lambda: healthy("bot", bot_home, bot_variables, data), bot, log)

        serving = RunningBot(tmp_path, bot, log)
        serving.url = f"http://127.0.0.1:{page}"
        answer = serving.until(serving.post(gray_photo(320, 240)), "answered", "refused")
        assert answer["state"] == "answered", log.read_text()
        assert serving.get(answer["results"][0]["url"])

        for process in (bot, worker):
            process.terminate()
            assert process.wait(60) == 0, log.read_text()
    assert "ERROR" not in log.read_text()
    assert "unprotected=nowhere" in log.read_text(), "the worker's sandbox has to hold without rights of its own"


def test_a_bot_image_that_is_told_of_no_worker_says_so(tmp_path: Path) -> None:
    home, data, log = image.unpacked("bot", [], tmp_path), tmp_path / "data", tmp_path / "log"
    data.mkdir()
    variables = {**image.environment("bot"), "COLORIZEBOT_DATA_DIR": str(data), "COLORIZEBOT_INFERENCE_URL": ""}
    with image.start(home, image.entry_point("bot"), variables, writable=data, log=log) as bot:
        assert bot.wait(60) == 2
    assert "please set COLORIZEBOT_INFERENCE_URL" in log.read_text()


def _wait_until(true: Callable[[], bool], process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + 90
    while not true():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
