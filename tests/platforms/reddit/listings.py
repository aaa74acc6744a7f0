"""Listings and their pages, as https://www.reddit.com/dev/api#listings describes ``limit``, ``after``, ``before``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.platforms.reddit.calls import Call
from tests.platforms.reddit.rendering import Json, listing, thing

DEFAULT, MOST, DEEPEST = 25, 100, 1000


@dataclass(frozen=True)
class Child:
    """One entry of a listing; it is rendered when its page is asked for."""

    kind: str
    fullname: str
    render: Callable[[], Json]


def page(children: Sequence[Child], call: Call) -> Json:
    """Return the page that was asked for; ``children`` are newest first.

    An anchor that is not in the listing, say a comment that was deleted since, gives an empty page.
    """
    children = children[:DEEPEST]
    names = [child.fullname for child in children]
    limit = _limit(call.query.get("limit"))
    after, before = call.query.get("after"), call.query.get("before")
    if before:
        end = names.index(before) if before in names else 0
        start = max(end - limit, 0)
    else:
        start = 0 if not after else names.index(after) + 1 if after in names else len(names)
        end = min(start + limit, len(names))
    shown = children[start:end]
    more_older = end < len(children) and bool(shown)
    more_newer = start > 0 and bool(shown) and bool(call.query.get("count") or after)
    return listing(
        [thing(child.kind, child.render()) for child in shown],
        after=shown[-1].fullname if more_older else None,
        before=shown[0].fullname if more_newer else None,
    )


def _limit(text: str | None) -> int:
    if text is None or not text.isdigit():
        return DEFAULT
    return max(1, min(int(text), MOST))
