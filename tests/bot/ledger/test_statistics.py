"""The totals that operators read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.ledger import Ledger, open_ledger
from bot.ledger.statistics import percentile, statistics
from bot.vocabulary import Answer, ImageKind, ImageReference, Outcome, Refusal, Request, State

VIDEO = Refusal("video", "I recolor pictures only; please send me a still.")


async def ask(ledger: Ledger, platform: str, number: int, outcome: Outcome | None, *, ago: float = 0.0) -> Request:
    request = Request(
        platform=platform,
        message_id=f"m{number}",
        conversation="c",
        requester="ann",
        community=None,
        images=(ImageReference(ImageKind.UPLOAD, "input-0"),) * 2,
    )
    request = replace(request, created=datetime.now(UTC) - timedelta(seconds=ago))
    await ledger.record(request)
    if outcome is not None:
        await ledger.claim(request.id)
        await ledger.decided(request.id, outcome)
        await ledger.delivered(request.id, "answer")
    return request


async def test_requests_are_counted_by_platform_and_outcome(database_url: str) -> None:
    began, asked_ago = datetime.now(UTC), [1.0, 2.0, 3.0, 40.0]
    async with open_ledger(database_url) as ledger:
        for number, ago in enumerate(asked_ago):
            await ask(ledger, "reddit", number, Answer((), "model"), ago=ago)
        await ask(ledger, "reddit", 4, VIDEO)
        await ask(ledger, "reddit", 5, None)
        await ledger.deleted((await ask(ledger, "reddit", 6, Answer((), "model"))).id)
        await ask(ledger, "discord", 0, VIDEO)
        discord, reddit = await statistics(ledger.engine)
    assert (discord.platform, discord.requests, discord.answer_seconds) == ("discord", 1, ())
    assert (reddit.platform, reddit.requests, reddit.pictures) == ("reddit", 7, 14)
    assert dict(reddit.states) == {State.ANSWERED: 4, State.REFUSED: 1, State.QUEUED: 1, State.DELETED: 1}
    assert dict(reddit.refusals) == {"video": 1}
    took = (datetime.now(UTC) - began).total_seconds()
    assert list(reddit.answer_seconds) == sorted(reddit.answer_seconds)
    assert all(ago <= found <= ago + took for found, ago in zip(reddit.answer_seconds, asked_ago, strict=True))


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([7.0], 0.95) == 7.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([float(value) for value in range(1, 101)], 0.95) == 95.0
