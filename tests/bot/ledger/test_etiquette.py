"""Who wants to be left alone is remembered, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.ledger import Etiquette, open_ledger


@pytest.fixture
async def etiquette(tmp_path: Path) -> AsyncIterator[Etiquette]:
    async with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as ledger:
        yield Etiquette(ledger.engine)


async def test_opting_out_and_in(etiquette: Etiquette) -> None:
    assert not await etiquette.has_opted_out("reddit", "ann")
    for _ in range(2):
        await etiquette.opt_out("reddit", "ann")
    assert await etiquette.has_opted_out("reddit", "ann")
    assert not await etiquette.has_opted_out("discord", "ann")
    assert not await etiquette.has_opted_out("reddit", "ben")
    for _ in range(2):
        await etiquette.opt_in("reddit", "ann")
    assert not await etiquette.has_opted_out("reddit", "ann")


async def test_a_community_that_shut_the_bot_out_may_let_it_in_again(etiquette: Etiquette) -> None:
    for _ in range(2):
        await etiquette.shut_out("reddit", "pics", "banned")
    assert await etiquette.is_shut_out("reddit", "pics")
    assert not await etiquette.is_shut_out("reddit", "oldpics")
    await etiquette.let_in("reddit", "pics")
    assert not await etiquette.is_shut_out("reddit", "pics")
