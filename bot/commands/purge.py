"""``python -m bot purge``: delete what the bot knows of a person, a community, some requests, or a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.commands.asking import confirmed
from bot.commands.ledger_there import existing_ledger, ledger_is_there
from bot.ledger import Etiquette, Ledger
from bot.ledger.purging import Chosen, Purging, Selection
from bot.orders import Purge
from bot.problems import OperatorError
from bot.settings import Settings
from bot.storage import Storage

_PIECE = 50
_PLAIN_WIDTH = 120
_PAGE = "web"
"""Where answers are nowhere but on the bot's own page."""


async def purge(settings: Settings, console: Console, wanted: Purge) -> int:
    """Delete what was chosen, after asking; return 1 when there was nothing or the answer was no.

    Raises ``OperatorError``.
    """
    if not await ledger_is_there(settings):
        console.print("Nothing was asked yet, so there is nothing to delete.")
        return 1
    async with existing_ledger(settings) as ledger:
        selection = await _selection(ledger, wanted)
        return await _purge(settings, console, wanted, ledger, selection)


async def _purge(settings: Settings, console: Console, wanted: Purge, ledger: Ledger, selection: Selection) -> int:
    purging = Purging(ledger.engine)
    chosen = await purging.count(selection)
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH, markup=False, emoji=False)
    if chosen:
        wide.print(_table(chosen))
    total = sum(some.requests for some in chosen)
    for sentence in await _notes(chosen, wanted, ledger, selection, settings.data_dir):
        wide.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if not total and not wanted.opt_out_too:
        wide.print("There is nothing to delete.")
        return 1
    if wanted.dry_run:
        wide.print(f"With --dry-run, nothing was deleted: {_requests(total)} would have been.", highlight=False)
        return 0
    if not await confirmed(console, f"Delete {_requests(total)} with all photos, for good?", yes=wanted.yes):
        wide.print("Nothing was deleted.")
        return 1
    done = await _delete(purging, Storage(settings.data_dir / "requests"), selection)
    wide.print(f"{_requests(done)} deleted, with all photos.", highlight=False)
    if wanted.opt_out_too and selection.platform is not None and selection.person is not None:
        await Etiquette(ledger.engine).opt_in(selection.platform, selection.person)
        wide.print("The wish to be left alone is forgotten, too.")
    return 0


async def _selection(ledger: Ledger, wanted: Purge) -> Selection:
    platform, person = wanted.platform, wanted.person
    if wanted.person_of is not None:
        found = await Purging(ledger.engine).requester_of(wanted.person_of)
        if found is None:
            raise OperatorError(f"There is no request {wanted.person_of}, or not any more; see --person-of.")
        if platform not in (None, found[0]):
            raise OperatorError(f"The request {wanted.person_of} is from {found[0]}; see --platform.")
        platform, person = found
    return Selection(
        platform=platform,
        person=person,
        community=wanted.community,
        ids=wanted.requests,
        created_before=None if wanted.older_than is None else datetime.now(UTC) - wanted.older_than,
    )


async def _delete(purging: Purging, storage: Storage, selection: Selection) -> int:
    done = 0
    while ids := await purging.purge(selection, limit=_PIECE):
        done += len(ids)
        for request_id in ids:
            try:
                await storage.remove(request_id)
            except PermissionError as error:
                raise OperatorError(
                    f"Photos can't be deleted ({error}); please run this as the user that the bot runs as. What is not "
                    "deleted now, a running bot deletes within a day."
                ) from None
    return done


async def _notes(
    chosen: Sequence[Chosen], wanted: Purge, ledger: Ledger, selection: Selection, data_dir: Path
) -> list[str]:
    notes = []
    answers: Counter[str] = Counter()
    for some in chosen:
        if some.platform != _PAGE and some.answers:
            answers[some.platform] += some.answers
    for platform, count in answers.items():
        notes.append(
            f"Answers that were posted on {platform} and stay there: {count}; a reply “delete” removes one only as "
            "long as it isn't purged here."
        )
    if chosen and not await asyncio.to_thread(data_dir.is_dir):
        notes.append(
            f"There is no data folder {data_dir} here, see COLORIZEBOT_DATA_DIR; a bot removes its photos itself."
        )
    if selection.platform is None or selection.person is None or wanted.opt_out_too:
        return notes
    if await Etiquette(ledger.engine).has_opted_out(selection.platform, selection.person):
        notes.append("This person wants to be left alone; that stays noted, unless you add --opt-out-too.")
    return notes


def _table(chosen: Sequence[Chosen]) -> Table:
    table = Table("platform", "state", title="to be deleted", title_justify="left")
    for heading in ("requests", "photos", "oldest", "newest"):
        table.add_column(heading, justify="right")
    for some in chosen:
        oldest, newest = f"{some.oldest:%Y-%m-%d}", f"{some.newest:%Y-%m-%d}"
        table.add_row(some.platform, some.state.value, str(some.requests), str(some.photos), oldest, newest)
    return table


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"
