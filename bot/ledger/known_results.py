"""Which photo was recolored before, in which way, and where the result is: the same again is instant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger import rows
from bot.ledger.tables import known_results
from bot.vocabulary import ResultPicture
from inference.vocabulary import RecolorOptions


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A result that some request has in its folder, as long as that request isn't deleted."""

    request_id: str
    picture: ResultPicture


class KnownResults:
    """Kept in the ledger's database; forgotten with the request that a result belongs to, and after ``keep``."""

    def __init__(self, engine: AsyncEngine, keep: timedelta) -> None:
        """Use a database whose schema is up to date."""
        self._engine = engine
        self._keep = keep

    async def find(self, key: str) -> KnownResult | None:
        """Return the result under a `key_of`, if there is one that is young enough."""
        statement = select(known_results).where(known_results.c.key == key, known_results.c.created >= self._oldest())
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else KnownResult(row.request_id, rows.to_result(row.result))

    async def remember(self, key: str, request_id: str, picture: ResultPicture, *, model: str) -> None:
        """Note a result down, in place of an older one of the same key, and forget those that are too old."""
        outdated = (known_results.c.key == key) | (known_results.c.created < self._oldest())
        row = {"key": key, "request_id": request_id, "result": rows.of_result(picture), "model": model}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(delete(known_results).where(outdated))
                await connection.execute(known_results.insert().values(created=datetime.now(UTC), **row))
        except IntegrityError:
            return  # the same photo at the same time: the other one's result will do

    def _oldest(self) -> datetime:
        return datetime.now(UTC) - self._keep


def key_of(photo: bytes, options: RecolorOptions, model: str) -> str:
    """Return what tells results apart: the photo's bytes, the options, the model's name with its weights' hash."""
    return hashlib.sha256(b"\0".join([hashlib.sha256(photo).digest(), _text(options), model.encode()])).hexdigest()


def _text(options: RecolorOptions) -> bytes:
    return urlencode(sorted(options.to_query().items())).encode()
