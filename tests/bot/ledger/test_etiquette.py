"""Who wants to be left alone is remembered, on real databases."""

from collections.abc import AsyncIterator

import pytest

from bot.ledger import Etiquette, open_ledger


@pytest.fixture
async def etiquette(database_url: str) -> AsyncIterator[Etiquette]:
    async with open_ledger(database_url) as ledger:
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
