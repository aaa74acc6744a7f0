"""``deploy/compose.yaml`` as Docker Compose itself reads it, which takes no engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings
from inference.settings import WorkerSettings, variable_of
from tests.deploy import image
from tests.postgresql import PostgresqlServer

DEPLOY = Path(__file__).parents[2] / "deploy"
_CHOSEN = {
    "POSTGRES_PASSWORD": "postgres-password",
    "GRAFANA_PASSWORD": "grafana-password",
    "COLORIZEBOT_WORKER_TOKEN": "token-of-the-worker",
}
_OURS = ("bot", "worker")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operator's copy of ``deploy/``."""
    copy = tmp_path / "checkout" / "deploy"
    shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns(".env"))
    return copy


def _compose(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    compose = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    if compose is None:
        pytest.skip("docker-compose is not installed (extra test)")
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run([compose, *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


def _config(folder: Path, *files: str, **chosen: str) -> dict[str, Any]:
    lines = (folder / ".env.example").read_text(encoding="utf-8")
    for name, value in (_CHOSEN | chosen).items():
        lines, found = re.subn(rf"^#?{name}=.*$", f"{name}={value}", lines, flags=re.MULTILINE)
        assert found == 1, name
    (folder / ".env").write_text(lines, encoding="utf-8")
    said = _compose(folder, *[word for file in files for word in ("-f", file)], "config", "--format", "json")
    assert said.returncode == 0, said.stderr
    assert said.stderr == ""
    config: dict[str, Any] = json.loads(said.stdout)
    return config


def test_whatever_can_be_chosen_is_in_the_example() -> None:
    text = "".join((DEPLOY / name).read_text(encoding="utf-8") for name in ("compose.yaml", "compose.gpu.yaml"))
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    asked_for = set(re.findall(r"\$\{(\w+)", text))
    assert asked_for > set(_CHOSEN)
    assert asked_for - set(re.findall(r"^#?(\w+)=", example, re.MULTILINE)) == set()


@pytest.mark.parametrize("name", _CHOSEN)
def test_what_has_to_be_chosen_is_asked_for(folder: Path, name: str) -> None:
    chosen = "".join(f"{other}={value}\n" for other, value in _CHOSEN.items() if other != name)
    (folder / ".env").write_text(chosen, encoding="utf-8")
    said = _compose(folder, "config")
    assert said.returncode != 0
    assert f"{name} is missing a value: set it in deploy/.env" in said.stderr


def test_ours_run_without_rights_on_read_only_roots(folder: Path) -> None:
    services = _config(folder, "compose.yaml")["services"]
    for name in _OURS:
        service = services[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"], "both need a /tmp"
        assert service["ulimits"]["nofile"] > 10_000, "a thousand open pages are a thousand files"
        assert service["build"]["target"] == name
        assert not service.get("privileged")


def test_the_worker_has_no_way_out_and_no_secret_of_others(folder: Path) -> None:
    config = _config(folder, "compose.yaml", COLORIZEBOT_DISCORD__TOKEN="of-discord")
    worker = config["services"]["worker"]
    assert [config["networks"][network].get("internal") for network in worker["networks"]] == [True]
    assert not worker.get("ports")
    set_in_it = {name: value for name, value in worker["environment"].items() if value is not None}
    assert set_in_it == {"COLORIZEBOT_WORKER_TOKEN": "token-of-the-worker"}
    assert config["services"]["bot"]["environment"]["COLORIZEBOT_DISCORD__TOKEN"] == "of-discord"


def test_every_setting_of_the_worker_reaches_it_from_the_env_file(folder: Path) -> None:
    own = {"host", "port", "socket", "open", "exit_with_stdin"}  # decided by the image, or no business of containers
    lines = [f"{variable_of(name)}=1\n" for name in WorkerSettings.model_fields]
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in _CHOSEN.items()) + "".join(lines))
    said = _compose(folder, "config", "--format", "json")
    passed_on = json.loads(said.stdout)["services"]["worker"]["environment"]
    assert set(passed_on) == {variable_of(name) for name in set(WorkerSettings.model_fields) - own}


def test_the_bot_can_start_with_what_it_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"COLORIZEBOT_TRIGGERS": "'[\"paint it\"]'", "COLORIZEBOT_WEB__PUBLIC_URL": "https://colors.example.org"}
    given = _config(folder, "compose.yaml", **chosen)["services"]["bot"]["environment"]
    monkeypatch.chdir(folder.parent)
    for name in [name for name in os.environ if name.startswith("COLORIZEBOT_")]:
        monkeypatch.delenv(name)
    for name, value in (image.environment("bot") | given).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.triggers == ("paint it",)
    assert settings.web.host == "0.0.0.0"
    assert str(settings.inference_url) == "http://worker:8090/"
    assert settings.inference_token is not None
    assert settings.inference_token.get_secret_value() == _CHOSEN["COLORIZEBOT_WORKER_TOKEN"]
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://colorizebot:postgres-password@database/colorizebot"
    assert not given["GRAFANA_PASSWORD"]


def test_a_database_that_is_only_being_made_is_not_healthy(folder: Path, postgresql: PostgresqlServer) -> None:
    """Until then the image's server listens on a socket only, as the one of the tests does."""
    with socket.socket() as connection:
        if connection.connect_ex(("127.0.0.1", 5432)) == 0:
            pytest.skip("another PostgreSQL listens on port 5432")
    _, program, *arguments = _config(folder, "compose.yaml")["services"]["database"]["healthcheck"]["test"]
    postgresql.run(program)
    with pytest.raises(subprocess.CalledProcessError):
        postgresql.run(program, *arguments)


def test_nothing_listens_beyond_this_machine_unless_told_to(folder: Path) -> None:
    services = _config(folder, "compose.yaml")["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    opened = _config(folder, "compose.yaml", PAGE_ADDRESS="0.0.0.0:80")["services"]["bot"]["ports"]
    assert [(port["host_ip"], port["published"]) for port in opened] == [("0.0.0.0", "80")]


def test_containers_get_longer_to_stop_than_their_programs_take(folder: Path) -> None:
    services = _config(folder, "compose.yaml")["services"]
    assert _seconds(services["bot"]["stop_grace_period"]) > Settings.model_fields["limits"].default.drain_seconds + 10
    assert _seconds(services["worker"]["stop_grace_period"]) > WorkerSettings.model_fields["drain_seconds"].default + 10


def test_mounted_files_are_there(folder: Path) -> None:
    services = _config(folder, "compose.yaml")["services"].values()
    mounts = [volume for service in services for volume in service.get("volumes", []) if volume["type"] == "bind"]
    assert mounts
    assert [mount["source"] for mount in mounts if not Path(mount["source"]).exists()] == []


def test_prometheus_asks_where_the_services_listen_with_the_token_that_it_is_given(folder: Path) -> None:
    services = _config(folder, "compose.yaml")["services"]
    prometheus = (folder / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    assert 'targets: ["bot:8080"]' in prometheus
    assert 'targets: ["worker:8090"]' in prometheus
    assert "credentials_file: worker-token" in prometheus
    assert services["prometheus"]["secrets"] == [
        {"source": "worker-token", "target": "/etc/prometheus/worker-token"},
    ]
    assert set(services["prometheus"]["networks"]) & set(services["worker"]["networks"])


def test_a_gpu_is_given_to_the_worker_alone_with_a_build_for_it(folder: Path) -> None:
    services = _config(folder, "compose.yaml", "compose.gpu.yaml")["services"]
    worker = services["worker"]
    assert worker["environment"]["COLORIZEBOT_WORKER_DEVICE"] == "cuda"
    assert worker["build"]["args"] == {"TORCH_INDEX_URL": ""}
    assert worker["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert "deploy" not in services["bot"]
    without = _config(folder, "compose.yaml")["services"]["worker"]
    assert without["build"]["args"]["TORCH_INDEX_URL"].endswith("/cpu")


def _seconds(duration: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", duration))
