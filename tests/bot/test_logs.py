"""What the bot's log leaves out, whoever logs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from bot import logs
from bot.ledger.engine import make_engine, parse_url
from bot.ledger.outage import Pool
from bot.reloading import CurrentSettings
from bot.settings import DiscordSettings, RedditSettings, Settings

CONTENT = "a photo of grandma"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("bot", "inference", "colorizebot"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_every_secret_of_the_settings_is_cut_out(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(
        database_url=SecretStr("postgresql://bot:p%40ssword@db.example/bot"),
        reddit=RedditSettings(password=SecretStr("correct horse"), client_secret=SecretStr("client-secret")),
        discord=DiscordSettings(token=SecretStr("MTIz.abc.def")),
    )
    logs.configure("INFO", secrets=logs.secrets_of(settings))
    said = "correct horse, client-secret, MTIz.abc.def, p%40ssword, p@ssword"
    logging.getLogger("some.library").warning("signing in with %s", said)
    assert capsys.readouterr().err.endswith("signing in with ***, ***, ***, ***, ***\n")


def test_debug_is_the_bots_own(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("DEBUG")
    logging.getLogger("bot.pipeline").debug("a detail")
    logging.getLogger("prawcore").debug("Data: password")
    logging.getLogger("prawcore").info("noted")
    said = capsys.readouterr().err
    assert "a detail" in said
    assert "noted" in said
    assert "password" not in said


def test_a_higher_level_holds_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ERROR", "json")
    logging.getLogger("bot.pipeline").warning("too little")
    logging.getLogger("discord").warning("too little")
    logging.getLogger("bot.pipeline").error("enough")
    [line] = capsys.readouterr().err.splitlines()
    assert '"message": "enough"' in line


def test_a_level_that_is_read_again_holds_for_the_bot_and_lets_no_library_tell_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO")
    current = CurrentSettings(Settings())
    current.reload(lambda: Settings(log_level="DEBUG"))
    logging.getLogger("bot.pipeline").debug("a detail")
    logging.getLogger("prawcore").debug("Data: password")
    current.reload(lambda: Settings(log_level="ERROR"))
    logging.getLogger("bot.pipeline").warning("too little")
    said = capsys.readouterr().err
    assert "a detail" in said
    assert "password" not in said
    assert "too little" not in said


async def test_sqlalchemy_tells_nothing_of_its_connections(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("DEBUG")
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'ledger.sqlite3'}", poolclass=Pool)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await engine.dispose()
    assert capsys.readouterr().err == ""


async def test_what_people_sent_is_not_in_the_databases_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    engine = make_engine(parse_url(f"sqlite:///{tmp_path / 'ledger.sqlite3'}"))
    async with engine.connect() as connection:
        try:
            await connection.execute(text("SELECT :said FROM nowhere"), {"said": CONTENT})
        except SQLAlchemyError:
            logging.getLogger("bot.dispatcher").exception("request %s failed", "abc")
    await engine.dispose()
    said = capsys.readouterr().err
    assert "no such table: nowhere" in said
    assert CONTENT not in said
