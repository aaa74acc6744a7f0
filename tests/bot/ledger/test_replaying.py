"""Which requests begin again, and which are left as they are."""

from datetime import UTC, datetime, timedelta

from bot.ledger import Ledger, Retention
from bot.ledger.replaying import Replaying, Wanted
from bot.vocabulary import REPLACES, Refusal, Request, State
from tests.bot.ledger.test_retention import answered, asked, ledger

__all__ = ["ledger"]


async def refused(ledger: Ledger, name: str, reason: str = "gave_up", *, days_ago: float = 0) -> Request:
    request = await asked(ledger, name, days_ago=days_ago)
    await ledger.claim(request.id)
    await ledger.decided(request.id, Refusal(reason, "Sorry."))
    await ledger.delivered(request.id, f"answer to {name}")
    return request


async def test_a_refused_request_begins_again_once(ledger: Ledger) -> None:
    request = await refused(ledger, "message")
    replaying = Replaying(ledger.engine)
    assert await replaying.replay([request.id]) == 1
    assert await replaying.replay([request.id]) == 0, "it is in the queue already"
    assert await ledger.claim(request.id) is None, "it is nobody's until a bot adopts it"
    await ledger.roster.join()
    [adopted] = await ledger.roster.adopt(["web"])
    assert (adopted.state, adopted.attempts, adopted.outcome) == (State.QUEUED, 0, None)
    assert adopted.request.context[REPLACES] == "answer to message"
    entry = await ledger.claim(request.id)
    assert entry is not None
    assert entry.attempts == 1
    assert await replaying.replay([request.id]) == 0, "it is in work"


async def test_what_was_answered_deleted_or_expired_is_left_alone(ledger: Ledger) -> None:
    fine = await answered(ledger, "fine", days_ago=1)
    deleted = await refused(ledger, "deleted")
    await ledger.deleted(deleted.id)
    old = await refused(ledger, "old")
    await Retention(ledger.engine).expire("web", finished_before=datetime.now(UTC) + timedelta(days=1), limit=9)
    assert await Replaying(ledger.engine).replay([fine.id, deleted.id, old.id, "unknown"]) == 0


async def test_requests_are_found_by_reason_platform_and_time(ledger: Ledger) -> None:
    away = await refused(ledger, "away", "worker_away")
    old = await refused(ledger, "old", "worker_away", days_ago=3)
    await refused(ledger, "other", "not_a_picture")
    fine = await answered(ledger, "fine", days_ago=0)
    replaying, yesterday = Replaying(ledger.engine), datetime.now(UTC) - timedelta(days=1)

    async def ids(wanted: Wanted) -> list[str]:
        return [entry.request.id for entry in await replaying.find(wanted)]

    assert await ids(Wanted(reason="worker_away")) == [old.id, away.id]
    assert await ids(Wanted(reason="worker_away", since=yesterday)) == [away.id]
    assert await ids(Wanted(reason="worker_away", platform="reddit")) == []
    assert await ids(Wanted(ids=(fine.id,))) == [fine.id], "what was named is told of, whatever it is"
