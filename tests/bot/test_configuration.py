"""Settings from all three sources, and what operators read when one is wrong."""

import math
from pathlib import Path

import pytest

from bot.configuration import describe_settings, load_settings, renamed_settings, unknown_settings
from bot.problems import OperatorError


@pytest.fixture(autouse=True)
def bare_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, so that neither .env nor colorizebot.toml of the developer counts."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_set_is_fine() -> None:
    settings = load_settings()
    assert (settings.web.host, settings.web.port, settings.web.public_url) == ("127.0.0.1", 8080, None)
    assert settings.triggers == ("colorizebot", "colourizebot")
    assert settings.data_dir.name == "colorizebot"
    assert settings.database_url is None
    assert settings.inference_url is None
    assert settings.fetch.allow_private == ()
    assert unknown_settings() == []


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZEBOT_INFERENCE_URL", "")
    monkeypatch.setenv("COLORIZEBOT_WEB__PORT", "")
    assert load_settings().inference_url is None
    assert load_settings().web.port == 8080


def test_the_environment_wins_over_env_file_over_toml(bare_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare_folder / "colorizebot.toml").write_text('log_level = "ERROR"\n[web]\nport = 1\nhost = "0.0.0.0"\n')
    (bare_folder / ".env").write_text("COLORIZEBOT_WEB__PORT=2\nCOLORIZEBOT_LIMITS__PARALLEL=7\nUNRELATED=1\n")
    monkeypatch.setenv("COLORIZEBOT_WEB__PORT", "3")
    settings = load_settings()
    assert (settings.web.port, settings.web.host) == (3, "0.0.0.0")
    assert (settings.limits.parallel, settings.log_level) == (7, "ERROR")


def test_values_are_read_kindly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZEBOT_DATA_DIR", "~/colours")
    monkeypatch.setenv("COLORIZEBOT_TRIGGERS", '[" ColorMe "]')
    monkeypatch.setenv("COLORIZEBOT_FETCH__ALLOW_PRIVATE", '["127.0.0.1:8000"]')
    monkeypatch.setenv("COLORIZEBOT_DATABASE_URL", "postgresql://bot:secret@db/bot")
    settings = load_settings()
    assert settings.data_dir == Path.home() / "colours"
    assert settings.triggers == ("colorme",)
    assert settings.fetch.allow_private == ("127.0.0.1:8000",)
    assert "bot:secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WEB__PORT", "eighty", "WEB__PORT is 'eighty', but should be a valid integer"),
        ("WEB__PORT", "70000", "WEB__PORT is '70000', but should be less than or equal to 65535"),
        ("WEB__PROT", "80", "WEB__PROT is no setting of the bot; did you mean COLORIZEBOT_WEB__PORT?"),
        ("INFERENCE_URL", "gpu-box", "INFERENCE_URL is 'gpu-box', but should be a valid URL"),
        ("TRIGGERS", "colorizebot", "TRIGGERS is 'colorizebot', but should be a JSON list"),
        ("TRIGGERS", "[]", "TRIGGERS is [], but"),
        ("TRIGGERS", '["a", ""]', "TRIGGERS is '', but"),
        ("FETCH__ALLOW_PRIVATE", "nas:80", "FETCH__ALLOW_PRIVATE is 'nas:80', but should be a JSON list"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD', but should be 'DEBUG', 'INFO'"),
        ("LIMITS__REQUESTER_PER_HOUR", "3", "LIMITS: max_pictures has to be at most"),
        ("LIMITS__REUSE_HOURS", "inf", "LIMITS__REUSE_HOURS is 'inf', but should be less than or equal to 876000."),
        ("REDDIT__CATCH_UP_HOURS", "1e9", "REDDIT__CATCH_UP_HOURS is '1e9', but should be less than or equal to"),
        ("DISCORD__CATCH_UP_MINUTES", "inf", "DISCORD__CATCH_UP_MINUTES is 'inf', but should be less than"),
        ("LEASE_SECONDS", "inf", "LEASE_SECONDS is 'inf', but should be less than or equal to 86400."),
        ("DATA_DIR", "~nobody-here/x", "DATA_DIR is '~nobody-here/x', but nobody of that name has a home folder here."),
        ("REDDIT", '{"password": "hush"', "REDDIT is a group of settings; please set them one by one, such as COLOR"),
        ("RETENTION__WEB", "7", "RETENTION__WEB is a group of settings; please set them one by one, such as COLOR"),
    ],
)
def test_a_bad_value_is_explained_by_its_variable(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"COLORIZEBOT_{name}", value)
    with pytest.raises(OperatorError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"COLORIZEBOT_{expected}")
    assert "\n" not in str(caught.value)


def test_every_bad_value_gets_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZEBOT_WEB__PORT", "eighty")
    monkeypatch.setenv("COLORIZEBOT_LIMITS__PARALLEL", "0")
    with pytest.raises(OperatorError) as caught:
        load_settings()
    assert {line.split()[0] for line in str(caught.value).splitlines()} == {
        "COLORIZEBOT_WEB__PORT",
        "COLORIZEBOT_LIMITS__PARALLEL",
    }


def test_keys_may_be_written_in_capitals_as_variables_are(bare_folder: Path) -> None:
    (bare_folder / "colorizebot.toml").write_text('LOG_LEVEL = "ERROR"\n[Web]\nPORT = 5\n')
    settings = load_settings()
    assert (settings.log_level, settings.web.port) == ("ERROR", 5)


def test_a_broken_toml_file_is_explained(bare_folder: Path) -> None:
    (bare_folder / "colorizebot.toml").write_text("web = [\n")
    with pytest.raises(OperatorError, match=r"colorizebot\.toml is no valid TOML"):
        load_settings()


def test_a_secret_of_the_wrong_kind_is_not_told(bare_folder: Path) -> None:
    (bare_folder / "colorizebot.toml").write_text("[reddit]\npassword = 12345678\n")
    with pytest.raises(OperatorError, match=r"^COLORIZEBOT_REDDIT__PASSWORD: should be a valid string\.$"):
        load_settings()


@pytest.mark.parametrize("name", [".env", "colorizebot.toml"])
def test_a_file_that_can_not_be_read_is_named(name: str, bare_folder: Path) -> None:
    file = bare_folder / name
    file.write_bytes(b'TRIGGERS = "caf\xe9"\n')
    with pytest.raises(OperatorError, match=rf"^{name} can't be read \(it is no text in UTF-8\)\.$"):
        load_settings()
    file.unlink()
    file.symlink_to("/proc/self/mem")  # which fails even for root
    with pytest.raises(OperatorError, match=rf"^{name} can't be read \(Input/output error\)\.$"):
        load_settings()


def test_unknown_names_are_told_from_every_source(bare_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZEBOT_DATADIR", "/srv")
    monkeypatch.setenv("COLORIZEBOT_WORKER_DEVICE", "cpu")
    monkeypatch.setenv("COLORIZEBOT_CLUSTER_REPLICAS", "2")
    (bare_folder / ".env").write_text("COLORIZEBOT_SERVICE_HOST=10.0.0.1\n")
    (bare_folder / "colorizebot.toml").write_text('wbe = 1\n[worker]\ndevice = "cpu"\n[cluster]\nreplicas = 2\n')
    assert load_settings().web.port == 8080
    told = unknown_settings()
    assert told[0] == "COLORIZEBOT_DATADIR is no setting of the bot; did you mean COLORIZEBOT_DATA_DIR?"
    assert [sentence.split()[0] for sentence in told[1:]] == ["COLORIZEBOT_SERVICE_HOST", "COLORIZEBOT_WBE"]


def test_every_setting_is_described() -> None:
    described = {setting.variable: setting for setting in describe_settings()}
    assert described["COLORIZEBOT_WEB__PORT"].default == "8080"
    assert described["COLORIZEBOT_INFERENCE_URL"].default == "unset"
    assert described["COLORIZEBOT_TRIGGERS"].default == '["colorizebot", "colourizebot"]'
    assert all(setting.meaning for setting in described.values())


def test_a_renamed_setting_counts_under_its_old_name_and_is_told(
    bare_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare_folder / "colorizebot.toml").write_text("[limits]\nresult_hours = 5\n")
    assert load_settings().limits.reuse_hours == 5
    assert renamed_settings() == [
        "COLORIZEBOT_LIMITS__RESULT_HOURS is called COLORIZEBOT_LIMITS__REUSE_HOURS now; please rename it."
    ]
    monkeypatch.setenv("COLORIZEBOT_LIMITS__REUSE_HOURS", "6")
    assert load_settings().limits.reuse_hours == 6, "the new name wins"
    assert unknown_settings() == []


def test_secrets_may_lie_in_files(bare_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("discord", "database", "password"):
        (bare_folder / name).write_text(f"secret of {name}\n")
    monkeypatch.setenv("COLORIZEBOT_DISCORD__TOKEN_FILE", str(bare_folder / "discord"))
    (bare_folder / ".env").write_text("COLORIZEBOT_DATABASE_URL_FILE=database\n")
    (bare_folder / "colorizebot.toml").write_text('[reddit]\npassword_file = "password"\n')
    settings = load_settings()
    secrets = (settings.discord.token, settings.database_url, settings.reddit.password)
    assert [secret and secret.get_secret_value() for secret in secrets] == [
        "secret of discord",
        "secret of database",
        "secret of password",
    ]
    assert unknown_settings() == []
    assert "secret of" not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"DISCORD__TOKEN_FILE": "missing"}, "DISCORD__TOKEN_FILE names missing, which can't be read (No such file"),
        ({"DISCORD__TOKEN_FILE": "empty"}, "DISCORD__TOKEN_FILE names empty, which is empty."),
        ({"DISCORD__TOKEN_FILE": "lines"}, "DISCORD__TOKEN_FILE names lines, which holds more than the one line of a"),
        ({"DISCORD__TOKEN_FILE": "binary"}, "DISCORD__TOKEN_FILE names binary, which holds no text."),
        (
            {"DISCORD__TOKEN_FILE": "~nobody-here/x"},
            "DISCORD__TOKEN_FILE names ~nobody-here/x, but nobody of that name",
        ),
        ({"DATABASE_URL_FILE": "."}, "DATABASE_URL_FILE names ., which can't be read (Is a directory"),
        (
            {"DISCORD__TOKEN_FILE": "full", "DISCORD__TOKEN": "hush"},
            "DISCORD__TOKEN_FILE is set, and the secret itself is set too; please unset one of them.",
        ),
        (
            {"DATABASE_URL_FILE": "full", "DATABASE_URL": "hush"},
            "DATABASE_URL_FILE is set, and the secret itself is set too; please unset one of them.",
        ),
        ({"DISCORD__TOKNE_FILE": "full"}, "DISCORD__TOKNE_FILE is no setting of the bot; did you mean "),
    ],
)
def test_a_secret_that_can_not_be_read_is_explained(
    bare_folder: Path, settings: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare_folder / "empty").write_text("\n")
    (bare_folder / "full").write_text("hush\n")
    (bare_folder / "lines").write_text("# the token\nhush\n")
    (bare_folder / "binary").write_bytes(b"\xff\xfe")
    for name, value in settings.items():
        monkeypatch.setenv(f"COLORIZEBOT_{name}", value)
    with pytest.raises(OperatorError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"COLORIZEBOT_{expected}")
    assert "hush" not in str(caught.value)


def test_how_long_things_are_kept_is_said_for_all_and_for_one_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().retention.days_of("web") == (math.inf, math.inf)
    monkeypatch.setenv("COLORIZEBOT_RETENTION__RESULT_DAYS", "30")
    monkeypatch.setenv("COLORIZEBOT_RETENTION__REDDIT__RESULT_DAYS", "forever")
    monkeypatch.setenv("COLORIZEBOT_RETENTION__REDDIT__REQUEST_DAYS", "365")
    retention = load_settings().retention
    assert retention.days_of("web") == retention.days_of("mail") == (30, math.inf)
    assert retention.days_of("reddit") == (math.inf, 365)


def test_nothing_is_forgotten_that_the_bot_may_still_catch_up_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZEBOT_RETENTION__REQUEST_DAYS", "3")
    assert load_settings().retention.days_of("reddit") == (math.inf, 3)
    monkeypatch.setenv("COLORIZEBOT_REDDIT__CATCH_UP_HOURS", "96")
    with pytest.raises(OperatorError, match=r"^Requests on reddit have to be kept .* COLORIZEBOT_RETENTION__REQUEST"):
        load_settings()
