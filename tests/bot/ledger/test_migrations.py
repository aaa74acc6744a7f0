"""The schema's way up and down, on both databases, with data in it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from bot.ledger import Etiquette, engine, open_ledger, schema
from bot.ledger.engine import make_engine, parse_url
from bot.ledger.opening import Condition, examine, take_back
from bot.ledger.tables import metadata
from bot.problems import OperatorError
from bot.vocabulary import State
from tests.bot.ledger.test_ledger import ANSWER, asking
from tests.postgresql import PostgresqlServer


async def run(url: str, work: Callable[[Connection], Any]) -> Any:
    opened = make_engine(parse_url(url))
    try:
        async with opened.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await opened.dispose()


async def down_to(url: str, revision: str) -> None:
    await run(url, lambda connection: schema.downgrade(connection, revision))


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    tables = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    return {
        name: [dict(row) for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY 1")).mappings()]
        for name in sorted(tables)
    }


async def test_the_migrations_lead_to_the_tables_in_the_code(database_url: str) -> None:
    async with open_ledger(database_url):
        pass
    assert await run(database_url, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    assert await run(database_url, schema.missing_revisions) == []


async def test_up_down_and_up_again_at_every_revision_keeps_what_both_schemas_know(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await ledger.roster.join()
        answered, waiting = asking("answered"), asking("waiting")
        for request in (answered, waiting):
            await ledger.record(request)
        await ledger.claim(answered.id)
        await ledger.decided(answered.id, ANSWER)
        await ledger.delivered(answered.id, "answer-1")
        await Etiquette(ledger.engine).opt_out("reddit", "ann")
    for revision in schema.known_revisions()[1:]:
        before = await run(database_url, content)
        await down_to(database_url, revision)
        assert await run(database_url, schema.current_revision) == revision
        assert await examine(database_url) is Condition.OLDER
        after = await run(database_url, content)
        for table, rows in after.items():
            assert rows == [{name: row[name] for name in rows[0]} for row in before[table]]
        async with open_ledger(database_url) as ledger:  # up again, as the newer bot starts
            assert await examine(database_url) is Condition.CURRENT
            assert [entry.request.message_id for entry in await ledger.unfinished()] == ["waiting"]
            entry = await ledger.by_id(answered.id)
        assert entry is not None
        assert (entry.state, entry.outcome, entry.answer_id) == (State.ANSWERED, ANSWER, "answer-1")
    assert await run(database_url, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []


async def test_what_an_older_bot_left_unfinished_is_taken_up(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await ledger.record(asking())
    await down_to(database_url, "0003")
    async with open_ledger(database_url) as ledger:
        await ledger.roster.join()
        assert [entry.request.message_id for entry in await ledger.roster.adopt(["web"])] == ["message-1"]


@pytest.mark.parametrize("revision", ["9999", "0000"])
async def test_a_way_down_that_there_is_not_changes_nothing(database_url: str, revision: str) -> None:
    async with open_ledger(database_url):
        pass
    with pytest.raises(ValueError, match=revision):
        await down_to(database_url, revision)
    assert await examine(database_url) is Condition.CURRENT


async def test_of_bots_that_start_at_once_on_a_new_database_one_migrates(
    postgresql: PostgresqlServer,
) -> None:
    url = postgresql.new_database()
    await asyncio.gather(*(start_on(url) for _ in range(5)))
    assert await examine(url) is Condition.CURRENT


async def test_a_migration_may_take_longer_than_any_other_statement(
    postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.new_database()
    async with open_ledger(url):
        pass
    await down_to(url, "0003")
    loop = asyncio.get_running_loop()
    now = loop.time
    holding = make_engine(parse_url(url))
    async with holding.begin() as connection:
        await connection.execute(text("LOCK TABLE requests IN ACCESS SHARE MODE"))
        starting = asyncio.create_task(start_on(url))
        async with asyncio.timeout(60):
            while not (await connection.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted"))).first():
                assert not starting.done()
                await asyncio.sleep(0.01)
        # Time passes as the event loop sees it, and what has a limit reaches it.
        monkeypatch.setattr(loop, "time", lambda: now() + 10 * engine._COMMAND_SECONDS)
        await asyncio.sleep(0.1)
        assert not starting.done()
    await starting
    await holding.dispose()
    assert await run(url, schema.missing_revisions) == []


async def test_a_newer_schema_is_left_alone_and_explained_in_one_sentence(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await ledger.record(asking())
    change = "UPDATE alembic_version SET version_num = '9999'"
    await run(database_url, lambda connection: connection.execute(text(change)) and None)
    before = await run(database_url, content)
    for look in (examine, start_on):
        with pytest.raises(OperatorError) as caught:
            await look(database_url)
        assert str(caught.value).endswith(
            "was made by a newer version of the bot "
            f"(its schema is 9999, this version knows up to {schema.known_revisions()[0]}); "
            "install that version, or let COLORIZEBOT_DATABASE_URL name another database."
        )
    assert await run(database_url, content) == before


async def start_on(url: str) -> None:
    async with open_ledger(url):
        pass


async def test_the_operators_way_down(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await ledger.roster.join()
        await ledger.record(asking())
        if ledger.roster.shared:
            with pytest.raises(OperatorError, match="stop every bot"):
                await take_back(database_url, "0003")
        await ledger.roster.leave()
    with pytest.raises(OperatorError, match=r"no way back to a schema '0815'; .* 0001, 0002, 0003, 0004"):
        await take_back(database_url, "0815")
    await take_back(database_url, "0003")
    assert await run(database_url, schema.current_revision) == "0003"
    await take_back(database_url, "0002")
    assert await examine(database_url) is Condition.OLDER
