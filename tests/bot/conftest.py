"""What the bot's tests share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.stand_ins import House, open_house
from tests.postgresql import PostgresqlServer


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for a ledger, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
async def house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    """A bot whose requests stay in the queue until somebody takes them."""
    async with open_house(tmp_path, database_url=database_url) as opened:
        yield opened


@pytest.fixture
async def busy_house(house: House) -> AsyncIterator[House]:
    """A bot that works."""
    working = asyncio.create_task(house.dispatcher.run())
    yield house
    working.cancel()
    await asyncio.wait([working])
    await house.dispatcher.stop(grace_seconds=0)
