"""What was asked hour by hour, day by day, month by month."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from bot.ledger import open_ledger
from bot.ledger.tables import requests
from bot.ledger.timeline import Period, timeline
from bot.vocabulary import Answer, State
from tests.bot.ledger.test_statistics import VIDEO, ask

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


async def test_requests_are_counted_by_their_time(database_url: str) -> None:
    times = [NOON, NOON + timedelta(minutes=20), NOON + timedelta(hours=2), NOON + timedelta(days=31)]
    async with open_ledger(database_url) as ledger:
        for number, time in enumerate(times):
            request = await ask(ledger, "web", number, Answer((), "model") if number else VIDEO)
            async with ledger.engine.begin() as connection:
                finished = time + timedelta(seconds=number)
                await connection.execute(
                    update(requests).where(requests.c.id == request.id).values(created=time, finished=finished)
                )
        await ask(ledger, "reddit", 0, None)
        engine = ledger.engine
        hours = await timeline(engine, Period.HOUR, since=NOON - timedelta(days=1), platform="web")
        days = await timeline(engine, Period.DAY, since=NOON - timedelta(days=1), platform="web")
        months = await timeline(engine, Period.MONTH, since=NOON - timedelta(days=1), platform="web")
        late = await timeline(engine, Period.MONTH, since=NOON + timedelta(days=1), platform="web")
        everywhere = await timeline(engine, Period.DAY, since=NOON - timedelta(days=1))
    assert [(span.name, span.states.total(), span.answer_seconds) for span in hours] == [
        ("2026-03-01 12:00", 2, [1.0]),
        ("2026-03-01 14:00", 1, [2.0]),
        ("2026-04-01 12:00", 1, [3.0]),
    ]
    assert dict(hours[0].states) == {State.REFUSED: 1, State.ANSWERED: 1}
    assert [(span.name, span.answer_seconds) for span in days] == [("2026-03-01", [1.0, 2.0]), ("2026-04-01", [3.0])]
    assert [span.name for span in months] == ["2026-03", "2026-04"]
    assert [span.name for span in late] == ["2026-04"]
    assert sum(span.states[State.QUEUED] for span in everywhere) == 1
