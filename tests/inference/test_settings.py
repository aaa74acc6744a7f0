from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from inference.settings import UnusableSettings, WorkerSettings
from inference.worker.command_line import parse_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without .env and colorizebot.toml."""
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    settings = parse_settings([])
    assert (settings.host, settings.port, settings.socket) == ("127.0.0.1", 8090, None)
    assert (settings.device, settings.weights) == ("auto", None)
    assert settings.serves_tcp


def test_flags_beat_environment_beats_dotenv_beats_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("colorizebot.toml").write_text("[worker]\nport = 1\nhost = '10.0.0.1'\nqueue_size = 5\nbatch_size = 3\n")
    assert parse_settings([]).port == 1
    Path(".env").write_text("COLORIZEBOT_WORKER_PORT=2\nCOLORIZEBOT_WORKER_QUEUE_SIZE=6\nOTHER=1\n")
    assert parse_settings([]).port == 2
    monkeypatch.setenv("COLORIZEBOT_WORKER_PORT", "3")
    monkeypatch.setenv("COLORIZEBOT_WORKER_HOST", "10.0.0.3")
    assert parse_settings([]).port == 3
    settings = parse_settings(["--port", "4"])
    assert (settings.port, settings.host, settings.queue_size, settings.batch_size) == (4, "10.0.0.3", 6, 3)


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZEBOT_WORKER_SOCKET", "")
    assert parse_settings([]).socket is None


def test_the_token_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text("a token of the worker\n")

    def read() -> str | None:
        token = parse_settings([]).token
        return token and token.get_secret_value()

    Path("colorizebot.toml").write_text('[worker]\ntoken_file = "token"\n')
    assert read() == "a token of the worker"
    Path("colorizebot.toml").unlink()
    Path(".env").write_text("COLORIZEBOT_WORKER_TOKEN_FILE=token\n")
    assert read() == "a token of the worker"
    Path(".env").unlink()
    monkeypatch.setenv("COLORIZEBOT_WORKER_TOKEN_FILE", "token")
    assert read() == "a token of the worker"


def test_a_toml_file_without_our_table_is_the_bots_alone() -> None:
    Path("colorizebot.toml").write_text("triggers = ['colorizebot']\n")
    assert parse_settings([]).port == 8090


@pytest.mark.parametrize(
    ("flags", "tcp"),
    [
        ([], True),
        (["--socket", "/tmp/worker"], False),
        (["--socket", "/tmp/worker", "--port", "8090"], True),
        (["--socket", "/tmp/worker", "--host", "::1"], True),
    ],
)
def test_a_socket_replaces_tcp_unless_both_are_asked_for(flags: list[str], tcp: bool) -> None:
    assert parse_settings(flags).serves_tcp is tcp


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["--port", "http"], ["--port", "COLORIZEBOT_WORKER_PORT", "http"]),
        (["--port", "70000"], ["--port", "COLORIZEBOT_WORKER_PORT", "65535"]),
        (["--device", "tpu"], ["--device", "COLORIZEBOT_WORKER_DEVICE", "tpu", "cuda:<number>"]),
        (["--log-level", "loud"], ["--log-level", "COLORIZEBOT_WORKER_LOG_LEVEL", "'debug'"]),
        (["--queue-bytes", "5"], ["queue_bytes", "max_bytes"]),
    ],
)
def test_what_cannot_be_used_is_named(flags: list[str], names: list[str]) -> None:
    with pytest.raises(UnusableSettings) as complaint:
        parse_settings(flags)
    assert all(name in str(complaint.value) for name in names)
    assert "\n" not in str(complaint.value)


@pytest.mark.parametrize("text", ["port = ", "worker = 3", "host = 'café'"])
def test_a_broken_toml_file_is_named(text: str) -> None:
    Path("colorizebot.toml").write_text(text, encoding="latin-1")
    with pytest.raises(UnusableSettings, match=r"colorizebot\.toml"):
        parse_settings([])


def test_an_env_file_that_is_no_text_is_named() -> None:
    Path(".env").write_bytes(b"COLORIZEBOT_WORKER_HOST=caf\xe9\n")
    with pytest.raises(UnusableSettings, match=r"^\.env can't be read"):
        parse_settings([])


def test_a_file_that_the_system_refuses_is_named() -> None:
    with pytest.raises(UnusableSettings, match=r"^x+ can't be read: file name too long"):
        parse_settings(["--weights", "x" * 300])


@pytest.mark.parametrize("token", ["1234567890123456", "['1234567890123456']"])
def test_a_token_is_never_told(token: str) -> None:
    Path("colorizebot.toml").write_text(f"[worker]\ntoken = {token}\n")
    with pytest.raises(UnusableSettings, match="COLORIZEBOT_WORKER_TOKEN") as complaint:
        parse_settings([])
    assert "123456" not in "".join(traceback.format_exception(complaint.value))


def test_help_tells_every_flag_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse_settings(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for name, field in WorkerSettings.model_fields.items():
        assert "--" + name.replace("_", "-") in shown
        assert "COLORIZEBOT_WORKER_" + name.upper() in shown
        assert field.description
        assert field.description in shown
    assert "default 127.0.0.1" in shown
    assert "default 8090" in shown
