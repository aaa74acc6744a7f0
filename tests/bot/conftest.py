"""What the bot's tests share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.stand_ins import House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A bot whose requests stay in the queue until somebody takes them."""
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def busy_house(house: House) -> AsyncIterator[House]:
    """A bot that works."""
    working = asyncio.create_task(house.dispatcher.run())
    yield house
    working.cancel()
    await asyncio.wait([working])
    await house.dispatcher.stop(grace_seconds=0)
