"""The side-by-side pictures: made when somebody first looks, then kept."""

from __future__ import annotations

from pathlib import Path

from bot.vocabulary import Entry


class Comparer:
    """Makes and keeps the pictures that show the original beside the recolored photo."""

    async def picture(self, entry: Entry, index: int) -> Path:
        """Return the side-by-side picture of an answered request's image ``index``; each is made only once.

        Raises ``inference.problems.Problem`` when the worker can't, ``FileNotFoundError`` when the request has no
        such result (any more).
        """
        raise NotImplementedError
