"""``deploy/.env.example`` names every setting with its default, and what it says can be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from bot.configuration import describe_settings
from bot.settings import Settings
from inference.cluster.settings import CLUSTER_PREFIX, ClusterSettings
from inference.settings import WorkerSettings, variable_of

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / ".env.example"
_COMMAND = "python deploy/env_example.py > deploy/.env.example"


def test_it_is_what_the_settings_say_on_any_machine(tmp_path: Path) -> None:
    elsewhere = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(DEPLOY.parent), "COLORIZEBOT_WEB__PORT": "1"}
    made = subprocess.run(
        [sys.executable, DEPLOY / "env_example.py"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=elsewhere,
    )
    assert EXAMPLE.read_text(encoding="utf-8") == made.stdout, f"please run: {_COMMAND}"


def test_every_setting_is_there_once() -> None:
    wanted = [setting.variable for setting in describe_settings()] + list(map(variable_of, WorkerSettings.model_fields))
    wanted += [CLUSTER_PREFIX + name.upper() for name in ClusterSettings.model_fields]
    named = re.findall(r"^#?(COLORIZEBOT_\w+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(wanted)


def test_with_every_line_switched_on_it_says_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("COLORIZEBOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    defaults = Settings(), WorkerSettings(), ClusterSettings()

    switched_on = re.sub(r"^#(?=[A-Z_]+=)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    Path(".env").write_text(switched_on, encoding="utf-8")
    assert len(dotenv_values(".env")) > 80
    assert (Settings(), WorkerSettings(), ClusterSettings()) == defaults


def test_as_it_stands_it_sets_nothing_but_what_has_to_be_chosen() -> None:
    assert {name for name, value in dotenv_values(EXAMPLE).items() if value} == set()
    assert set(dotenv_values(EXAMPLE)) == {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD", "COLORIZEBOT_WORKER_TOKEN"}
