"""``python -m bot load``: how a running bot fares under load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table
from rich.text import Text
from yarl import URL

from bot.ledger.statistics import percentile
from bot.load import NoBot, Report, Visitor, crowd, photos_in
from bot.load.report import SHARES
from bot.orders import Load
from bot.problems import OperatorError

_WARM_UP_SECONDS = 180
_PLAIN_WIDTH = 120
_LISTED = 5
_HEADINGS = {
    "taking": "until a photo was taken",
    "answer": "until its answer was there",
    "fetch": "to fetch the results",
}
_LIMITS = {
    "crowded_community": "COLORIZEBOT_LIMITS__COMMUNITY_PER_HOUR, which counts what comes from one address",
    "too_many_requests": "COLORIZEBOT_LIMITS__REQUESTER_PER_HOUR",
    "queue_full": "COLORIZEBOT_LIMITS__QUEUE_SIZE, or there are more clients than the workers carry",
}


async def load(console: Console, wanted: Load) -> int:
    """Put a bot under load; return 1 when anything was lost or went wrong. Raises ``OperatorError``."""
    photos = await asyncio.to_thread(_photos, wanted.photos)
    url = _origin(wanted.url)
    progress = Console(stderr=True)
    with progress.status(Text(f"looking at {url}")) as status:
        await _until_ready(url)
        status.update(f"{wanted.clients} clients send photos for {wanted.seconds:g} s, then the last answers come in")
        report = Report(wanted.clients)
        await crowd(
            url,
            photos,
            clients=wanted.clients,
            per_second=wanted.per_second,
            seconds=wanted.seconds,
            report=report,
        )
    if wanted.as_json:
        console.print_json(json.dumps(report.to_json()))
    else:
        _print(report, console if console.is_terminal else Console(width=_PLAIN_WIDTH, markup=False, emoji=False))
    return 0 if report.sound else 1


def _photos(folder: Path | None) -> list[bytes]:
    try:
        photos = photos_in(folder)
    except OSError as error:
        raise OperatorError(f"The photos in {folder} can't be read ({error.strerror}); see --photos.") from None
    if not photos:
        raise OperatorError(f"There are no photos in {folder}; see --photos.")
    return photos


def _origin(text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise OperatorError(f"{text} is no address of a page; it looks like http://127.0.0.1:8080.")
    return str(url.origin())


async def _until_ready(url: str) -> None:
    async with aiohttp.ClientSession(url) as session:
        try:
            for _ in range(_WARM_UP_SECONDS):
                if await Visitor(session).look() == "ready":
                    return
                await asyncio.sleep(1)
        except NoBot as why:
            raise OperatorError(f"There is no bot at {url}: {why}.") from None
    raise OperatorError(f"The bot at {url} has no worker that is ready; see its log.")


def _print(report: Report, console: Console) -> None:
    numbers = Table(show_header=False, title="load test", title_justify="left")
    numbers.add_column()
    numbers.add_column(justify="right")
    for name, value in (
        ("clients at a time", str(report.clients)),
        ("seconds", f"{report.seconds:.1f}"),
        ("requests taken", str(report.accepted)),
        ("answered", str(report.answered)),
        ("answered per second", f"{report.per_second:.2f}"),
        ("refused", str(report.refused.total())),
        ("told to come later", str(report.declined.total())),
        ("errors", str(report.errors.total())),
        ("lost", str(len(report.lost))),
        ("sent, fetched", f"{report.bytes_sent / 2**20:.1f} MiB, {report.bytes_fetched / 2**20:.1f} MiB"),
    ):
        numbers.add_row(name, value)
    console.print(numbers)
    if report.answered:
        console.print(_waits(report))
    for sentence in _sentences(report):
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _waits(report: Report) -> Table:
    table = Table("waits", *SHARES, "longest", title_justify="left")
    for name, waits in report.waits().items():
        values = [percentile(waits, share) for share in (*SHARES.values(), 1.0)]
        table.add_row(_HEADINGS[name], *("" if value is None else f"{value:.3f} s" for value in values))
    return table


def _sentences(report: Report) -> list[str]:
    sentences = [f"refused: {reason}, {count} times" for reason, count in report.refused.most_common()]
    for reason, count in report.declined.most_common():
        limit = f"; for a test, raise {_LIMITS[reason]}" if reason in _LIMITS else ""
        sentences.append(f"told to come later: {reason}, {count} times{limit}")
    sentences += [f"error: {what}, {count} times" for what, count in report.errors.most_common()]
    if report.lost:
        sentences.append(f"LOST, taken but neither answered nor refused: {_some(report.lost)}")
    if report.left_behind:
        sentences.append(f"could not be deleted again: {_some(report.left_behind)}")
    if report.sound:
        sentences.append("Every request that was taken was answered or refused, and deleted again.")
    return sentences


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
    return ", ".join(ids[:_LISTED]) + more
