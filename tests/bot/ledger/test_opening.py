"""Databases old and new, and no databases at all."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.ledger import LedgerAway, engine, open_ledger
from bot.ledger.engine import make_engine, parse_url
from bot.ledger.opening import Condition, examine
from bot.problems import OperatorError
from tests.postgresql import PostgresqlServer


async def open_and_close(url: str) -> None:
    async with open_ledger(url):
        pass


async def test_a_ledger_is_durable_and_opens_again(tmp_path: Path) -> None:
    file = tmp_path / "a folder with 100% odd chars" / "ledger.sqlite3"
    file.parent.mkdir()
    await open_and_close(f"sqlite:///{file}")
    await open_and_close(f"sqlite:///{file}")
    assert sqlite3.connect(file).execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_what_is_committed_survives_a_power_cut(tmp_path: Path) -> None:
    opened = make_engine(parse_url(f"sqlite:///{tmp_path / 'ledger.sqlite3'}"))
    async with opened.connect() as connection:
        synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
    await opened.dispose()
    assert synchronous == 2  # FULL


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("no url at all", "no SQLAlchemy URL"),
        ("mysql://somewhere/database", "names mysql"),
        ("sqlite://", "has to name a file"),
        ("sqlite:///:memory:", "has to name a file"),
        ("sqlite:////dev/null/ledger.sqlite3", "can't be opened"),
        ("postgresql://bot:secret@127.0.0.1:9/ledger", "can't be opened|needs the package"),
        ("postgresql://bot:secret@127.0.0.1:port/ledger", "no SQLAlchemy URL"),
        ("postgresql://bot:secret@127.0.0.1:9/ledger?sslmod=require", "the option sslmod,|needs the package"),
        ("postgresql://bot:secret@127.0.0.1:9/ledger?sslmode=perhaps", "must be one of: disable|needs the package"),
    ],
)
async def test_an_unusable_url_is_explained(url: str, message: str) -> None:
    with pytest.raises(OperatorError, match=message) as caught:
        await open_and_close(url)
    assert "COLORIZEBOT_DATABASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_the_urls_that_hosts_of_databases_hand_out_are_understood(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database()
    await open_and_close(f"{url}{'&' if '?' in url else '?'}sslmode=prefer&prepared_statement_cache_size=0")


async def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database, but quite a long text; " * 100)
    with pytest.raises(OperatorError, match=r"not a database.*COLORIZEBOT_DATABASE_URL"):
        await open_and_close(f"sqlite:///{file}")


async def test_a_database_that_is_locked_for_long_is_away_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LOCK_PATIENCE_SECONDS", 0.2)
    async with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as ledger:
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            told = await asyncio.gather(*(ledger.deleted("nothing") for _ in range(60)), return_exceptions=True)
        assert {type(error) for error in told} == {LedgerAway}
        assert not await ledger.deleted("nothing")


async def test_a_database_is_examined_without_changing_it(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    assert await examine(f"sqlite:///{file}") is Condition.NEW
    assert not file.exists()
    sqlite3.connect(file).close()
    file.touch()
    assert await examine(f"sqlite:///{file}") is Condition.OLDER
    await open_and_close(f"sqlite:///{file}")
    assert await examine(f"sqlite:///{file}") is Condition.CURRENT
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(OperatorError, match="newer version"):
        await examine(f"sqlite:///{file}")
