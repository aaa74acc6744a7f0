"""The units of ``deploy/systemd``: as systemd's own checks see them, and run by a real systemd."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.real_systemd import NAMES, ROOT, UNITS, real_systemd
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot
from tests.ports import free_port

_EXPOSURE = {"colorizebot.service": 1.3, "colorizebot-worker.service": 1.3}
"""As deploy/docs/systemd.md says: 0 is nothing, 10 is everything."""
_INSTALLED = "/opt/colorizebot/.venv/bin/python"
_TOKEN = "a-token-of-the-tests"
_BOT, _WORKER = "colorizebot.service", "colorizebot-worker.service"


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian: systemd)")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for name in NAMES:
        text = (UNITS / name).read_text(encoding="utf-8")
        assert text.count(_INSTALLED) == 1
        (tmp_path / name).write_text(text.replace(_INSTALLED, sys.executable), encoding="utf-8")
    said = _analyze("verify", *(str(tmp_path / name) for name in NAMES))
    ours = [line for line in said.stderr.splitlines() if "colorizebot" in line]
    assert (ours, said.returncode) == ([], 0), said.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_is_as_closed_as_the_guide_says(name: str) -> None:
    said = _analyze("security", "--offline=true", str(UNITS / name))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert found, said.stderr
    assert float(found[1]) <= _EXPOSURE[name]


def test_commands_of_the_guide_see_what_the_bot_sees() -> None:
    guide = (ROOT / "deploy" / "docs" / "systemd.md").read_text(encoding="utf-8")
    command = re.search(r"<!-- a command -->\n```sh\n(.*?)```", guide, re.DOTALL)
    assert command
    words = shlex.split(command[1].replace("\\\n", " "))
    unit = (UNITS / _BOT).read_text(encoding="utf-8").splitlines()
    given = list(itertools.pairwise(words))
    assert {value for flag, value in given if flag == "-p"} <= set(unit)
    assert {"--uid=colorizebot", "--working-directory=/etc/colorizebot"} <= set(words)
    assert {"User=colorizebot", "WorkingDirectory=/etc/colorizebot"} <= set(unit)
    assert {f"Environment={value}" for flag, value in given if flag == "-E"} <= set(unit)
    assert f"ExecStart={' '.join(words[-4:-1])}" in unit


def test_systemd_starts_watches_restarts_and_stops_both(tmp_path: Path) -> None:
    port, page = free_port(), free_port()
    bot = {
        "COLORIZEBOT_WEB__PORT": str(page),
        "COLORIZEBOT_INFERENCE_URL": f"http://127.0.0.1:{port}",
        "COLORIZEBOT_INFERENCE_TOKEN": _TOKEN,
        "COLORIZEBOT_TRIGGERS": '["paint it"]',
    }
    worker = {"COLORIZEBOT_WORKER_PORT": str(port), "COLORIZEBOT_WORKER_TOKEN": _TOKEN}
    with real_systemd(tmp_path, bot=bot, worker=worker) as systemd:
        # Type=notify: this returns once both have said that they are ready.
        started = systemd.call("start", _BOT)
        assert started.returncode == 0, started.stderr + systemd.log.read_text()
        assert systemd.told(_WORKER, "StatusText").endswith("on cpu")
        assert systemd.told(_BOT, "StatusText") == f"the page is at http://127.0.0.1:{page}"
        assert _answers(tmp_path, page, systemd.log)
        assert "unprotected=nowhere" in systemd.log.read_text()
        assert systemd.told(_WORKER, "OOMPolicy") == "continue", "a photo process may die, and nothing else with it"
        for unit in NAMES:
            assert int(systemd.told(unit, "LimitNOFILESoft")) > 10_000

        main = systemd.told(_BOT, "MainPID")
        (tmp_path / "etc" / "colorizebot.toml").write_text('log_level = "DEBUG"\n')
        assert systemd.call("reload", _BOT).returncode == 0
        systemd.until(lambda: "log_level" in systemd.log.read_text().lower(), "the changed setting")
        assert systemd.told(_BOT, "MainPID") == main

        for unit in (_WORKER, _BOT):
            systemd.call("kill", "--kill-whom=main", "--signal=STOP", unit)
        for unit in (_WORKER, _BOT):
            systemd.until(lambda unit=unit: systemd.told(unit, "NRestarts") == "1", f"a restart of {unit}")
            systemd.until(lambda unit=unit: systemd.told(unit, "ActiveState") == "active", f"{unit} to be back")
        assert _answers(tmp_path, page, systemd.log)

        assert systemd.call("stop", *NAMES).returncode == 0
        assert {systemd.told(unit, "Result") for unit in NAMES} == {"success"}


def _answers(folder: Path, page: int, log: Path) -> bool:
    bot = RunningBot(folder, None, log)  # type: ignore[arg-type]
    bot.url = f"http://127.0.0.1:{page}"
    return bot.until(bot.post(gray_photo(320, 240, seed=page)), "answered", "refused")["state"] == "answered"
