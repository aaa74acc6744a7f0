"""Where the results of an answer go: into the comment, onto the bot's profile, or to its own page.

With ``COLORIZEBOT_REDDIT__HOSTING=auto`` they are tried in this order, but what was asked for in a private message goes
to the page where people reach it. Whatever it is set to, the page comes last, since it always has the results.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator

from bot.adapters.reddit import reading, wording
from bot.adapters.reddit.profile import ProfilePosts, is_begun
from bot.adapters.reddit.richtext import Picture
from bot.adapters.reddit.things import id_of
from bot.adapters.reddit.uploads import NotPossible, Upload, upload_for_comment, uploads_of
from bot.adapters.reddit.wording import Place
from bot.adapters.reddit.workers import Workers
from bot.assembly import Parts
from bot.settings import Hosting
from bot.vocabulary import Answer, Request

_log = logging.getLogger(__name__)

_ALLOWED_SECONDS = 3600.0
"""How long it is remembered which media a community allows."""
_ORDER = {
    Hosting.AUTO: (Hosting.COMMENT, Hosting.PROFILE, Hosting.WEB),
    Hosting.COMMENT: (Hosting.COMMENT, Hosting.WEB),
    Hosting.PROFILE: (Hosting.PROFILE, Hosting.WEB),
    Hosting.WEB: (Hosting.WEB,),
}


class Hosts:
    """Puts results where people can see them."""

    def __init__(self, parts: Parts, workers: Workers) -> None:
        """Read results from the storage and upload them through ``workers``."""
        self._parts = parts
        self._workers = workers
        self._profile = ProfilePosts(workers, parts.ledger)
        self._allowed: dict[str, tuple[float, frozenset[str]]] = {}

    async def places(self, request: Request, answer: Answer, own_name: str) -> AsyncIterator[Place]:
        """Put the results in one place after the other, until the caller is content with one.

        Raises ``TryLater`` when Reddit as a whole can't be reached.
        """
        for host in self._order(request):
            try:
                yield await self._place(host, request, answer, own_name)
            except NotPossible as why:
                _log.info("request %s: results can't go to %s: %s", request.id, host.value, why)

    async def take_back(self, request: Request) -> None:
        """Take results from where everybody sees them. Raises ``TryLater``."""
        await self._profile.take_back(request)

    def _order(self, request: Request) -> tuple[Hosting, ...]:
        hosting = self._parts.settings.reddit.hosting
        in_private = not request.message_id.startswith("t1_")
        if in_private and hosting is Hosting.AUTO and self._parts.links.public:
            return (Hosting.WEB,)  # everybody can look at the profile
        order = _ORDER[hosting]
        if Hosting.PROFILE in order and is_begun(request):
            # An earlier attempt got no further than its post there: with pictures elsewhere, nothing would lead to it.
            return order[order.index(Hosting.PROFILE) :]
        return order

    async def _place(self, host: Hosting, request: Request, answer: Answer, own_name: str) -> Place:
        if host is Hosting.WEB:
            return self._on_the_page(request, answer)
        uploads = await uploads_of(self._parts.storage, request, answer)
        if host is Hosting.COMMENT:
            return await self._in_the_comment(request, answer, uploads)
        return await self._on_the_profile(request, answer, uploads, own_name)

    async def _in_the_comment(self, request: Request, answer: Answer, uploads: tuple[Upload, ...]) -> Place:
        needed = {"animated" if upload.animated else "static" for upload in uploads}
        allowed = await self._allowed_in(request.context.get("subreddit"))
        if missing := needed - allowed:
            raise NotPossible(f"the community allows no {' or '.join(sorted(missing))} pictures in comments")
        assets = await self._workers.call(upload_for_comment, uploads)
        blurred = "nsfw" if request.context.get("nsfw") else "spoiler" if request.context.get("spoiler") else None
        pictures = tuple(
            Picture(asset, wording.caption(upload.result, len(uploads)), upload.animated, blurred)
            for asset, upload in zip(assets, uploads, strict=True)
        )
        return Place(links={}, pictures=pictures, compare=self._compare(request, answer))

    async def _on_the_profile(
        self, request: Request, answer: Answer, uploads: tuple[Upload, ...], own_name: str
    ) -> Place:
        post = await self._profile.post(request, uploads, own_name)
        link = f"{self._parts.settings.reddit.reddit_url}/comments/{id_of(post)}/"
        compare = self._compare(request, answer)
        if len(uploads) == 1:
            return Place(links={uploads[0].result.index: link}, compare=compare)
        return Place(links={}, all_at_once=link, compare=compare)

    def _on_the_page(self, request: Request, answer: Answer) -> Place:
        links, page = self._parts.links, self._parts.links.page(request.id)
        compare = {result.index: links.compare(request.id, result.index) for result in answer.results}
        if len(answer.results) == 1:
            return Place(links={answer.results[0].index: page}, compare=compare)
        pictures = {result.index: links.picture(request.id, result.file) for result in answer.results}
        return Place(links=pictures, all_at_once=page, compare=compare)

    def _compare(self, request: Request, answer: Answer) -> dict[int, str] | None:
        """Return links to the side-by-side pictures, where the operator says that people reach the bot's page."""
        if not self._parts.links.public:
            return None
        return {result.index: self._parts.links.compare(request.id, result.index) for result in answer.results}

    async def _allowed_in(self, subreddit: object) -> frozenset[str]:
        if not isinstance(subreddit, str) or not subreddit:
            return frozenset()  # a private message
        asked, allowed = self._allowed.get(subreddit, (0.0, frozenset[str]()))
        if not asked or time.monotonic() - asked > _ALLOWED_SECONDS:
            allowed = await self._workers.call(reading.allowed_media, subreddit)
            self._allowed[subreddit] = (time.monotonic(), allowed)
        return allowed
