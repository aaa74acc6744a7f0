"""An adapter whose platform fails it is started again; one that only the operator can help ends the bot."""

import asyncio
from collections.abc import Callable

import pytest

from bot import supervision
from bot.intake import Intake
from bot.problems import OperatorError
from bot.supervision import keep_running
from bot.vocabulary import Outcome, Request
from tests.bot.stand_ins import House


class Moody:
    """Runs once for each of its moods: an exception to raise, or nothing to go on for ever."""

    name = "moody"

    def __init__(self, *moods: BaseException | None) -> None:
        self.moods = list(moods)
        self.stopped = False

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        mood = self.moods.pop(0)
        if mood is not None:
            raise mood
        announce("here")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.stopped = True

    async def answer(self, request: Request, outcome: Outcome) -> str:
        raise NotImplementedError


async def test_it_goes_on_after_failures_and_stops_when_told(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_SECONDS", 0.01)
    moods = (ConnectionError("gone"), ZeroDivisionError("a bug"), asyncio.CancelledError(), None)
    adapter, announced = Moody(*moods), asyncio.Event()
    running = asyncio.create_task(keep_running(adapter, house.parts.intake, lambda _where: announced.set()))
    await asyncio.wait_for(announced.wait(), 30)
    assert "started again in 0.01 s" in caplog.text
    assert "started again in 0.02 s" in caplog.text
    assert "a bug" in caplog.text
    assert "cancelled from within" in caplog.text
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert adapter.stopped, "its own ending was waited for"


async def test_what_only_the_operator_can_help_is_raised(house: House) -> None:
    with pytest.raises(OperatorError, match="wrong password"):
        await keep_running(Moody(OperatorError("wrong password")), house.parts.intake, print)
