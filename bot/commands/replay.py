"""``python -m bot replay``: try again what was refused, given up or not delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bot.commands.asking import confirmed
from bot.commands.ledger_there import existing_ledger, ledger_is_there
from bot.ledger.replaying import Replaying, Wanted
from bot.orders import Replay
from bot.pipeline import MAX_TIME_TO_LOCATE
from bot.settings import Settings
from bot.vocabulary import Entry, Refusal, State

_PLAIN_WIDTH = 120
_REPLAYED = "to be replayed"


async def replay(settings: Settings, console: Console, wanted: Replay) -> int:
    """Let what was chosen begin again, after asking; return 1 when there was nothing to replay or the answer was no.

    Raises ``OperatorError``.
    """
    if not await ledger_is_there(settings):
        console.print("Nothing was asked yet, so there is nothing to replay.")
        return 1
    now = datetime.now(UTC)
    since = None if wanted.last is None else now - wanted.last
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH, markup=False, emoji=False)
    async with existing_ledger(settings) as ledger:
        replaying = Replaying(ledger.engine)
        found = await replaying.find(Wanted(wanted.requests, wanted.platform, wanted.reason, since))
        fates = {entry.request.id: _fate(entry, now) for entry in found}
        for request_id in wanted.requests:
            if request_id not in fates:
                wide.print(f"There is no request {request_id} that fits.", highlight=False, markup=False)
        chosen = [request_id for request_id, fate in fates.items() if fate == _REPLAYED]
        if found:
            wide.print(_table(found, fates))
        if not chosen:
            wide.print("There is nothing to replay.")
            return 1
        if wanted.dry_run:
            wide.print(
                f"With --dry-run, nothing was replayed: {_requests(len(chosen))} would have been.", highlight=False
            )
            return 0
        if not await confirmed(console, f"Replay {_requests(len(chosen))}?", yes=wanted.yes):
            wide.print("Nothing was replayed.")
            return 1
        replayed = await replaying.replay(chosen)
    wide.print(
        f"{_requests(replayed)} in the queue again; a running bot goes on within seconds, else the next start does.",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _fate(entry: Entry, now: datetime) -> str:
    if entry.state in (State.QUEUED, State.WORKING):
        return "open already"
    if entry.state is not State.REFUSED:
        return f"{entry.state.value}, left as it is"
    if entry.expired:
        return "its photos are gone, see RETENTION"
    if not entry.request.images and now - entry.request.created > MAX_TIME_TO_LOCATE:
        return "too old to look for its photos"
    return _REPLAYED


def _table(found: Sequence[Entry], fates: dict[str, str]) -> Table:
    table = Table("platform", "refused for", "what happens", title_justify="left")
    table.add_column("requests", justify="right")
    counted = Counter((entry.request.platform, _reason(entry), fates[entry.request.id]) for entry in found)
    for (platform, reason, fate), count in sorted(counted.items()):
        table.add_row(platform, reason, fate, str(count))
    return table


def _reason(entry: Entry) -> str:
    return entry.outcome.reason if isinstance(entry.outcome, Refusal) else ""


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"
