"""Files behind links that are signed and run out, as at cdn.discordapp.com."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from urllib.parse import quote

from aiohttp import web

from tests.platforms.discord.state import Attachment, Sticker

_SECRET = b"the double's own"


class Cdn:
    """Signs links, and serves what they lead to."""

    def __init__(self, link_seconds: float) -> None:
        self.link_seconds = link_seconds
        self.base = ""
        self.served: list[str] = []
        """The ids of the attachments that were fetched, in order."""
        self.delay = 0.0
        """Seconds before a file is served."""
        self.open = asyncio.Event()
        """While it is not set, no file is served."""
        self.open.set()
        self.waiting = 0
        """How many files are being waited for right now."""
        self.expiring: set[int] = set()
        """Attachments whose links run out the moment somebody first follows one."""
        self._files: dict[int, Attachment] = {}
        self._stickers: dict[str, bytes] = {}
        self._pages: dict[str, tuple[bytes, str]] = {}
        self._generations: dict[int, int] = {}

    def keep(self, attachment: Attachment) -> None:
        self._files[attachment.id] = attachment

    def keep_sticker(self, sticker: Sticker, data: bytes) -> None:
        suffix = {1: "png", 2: "png", 3: "json", 4: "gif"}[sticker.kind]
        self._stickers[f"{sticker.id}.{suffix}"] = data

    def keep_page(self, name: str, data: bytes, content_type: str) -> str:
        """Put a file on somebody's web site; return its address."""
        self._pages[name] = (data, content_type)
        return f"{self.base}/site/{name}"

    def forget(self, attachment: Attachment) -> None:
        """Remove the file, as when its message was deleted."""
        self._files.pop(attachment.id, None)

    def link(self, attachment: Attachment) -> str:
        """Return a link of this moment; it runs out ``link_seconds`` later."""
        folder = "ephemeral-attachments" if attachment.ephemeral else "attachments"
        begins = int(time.time())
        ends = begins + max(1, int(self.link_seconds))
        path = f"/{folder}/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"
        return f"{self.base}{path}?ex={ends:x}&is={begins:x}&hm={self._signature(attachment, ends, begins)}&"

    def expire(self, attachment: Attachment) -> None:
        """Let all links to the file that were handed out so far have run out."""
        self._generations[attachment.id] = self._generations.get(attachment.id, 0) + 1

    def application(self) -> web.Application:
        app = web.Application()
        for folder in ("attachments", "ephemeral-attachments"):
            app.router.add_get(f"/{folder}/{{channel}}/{{id}}/{{name}}", self._attachment)
        app.router.add_get("/stickers/{name}", self._sticker)
        app.router.add_get("/site/{name:.*}", self._page)
        return app

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        attachment = self._files.get(int(request.match_info["id"]))
        if attachment is None:
            return web.Response(status=404, text="This content is no longer available.")
        self.waiting += 1
        try:
            await asyncio.sleep(self.delay)
            await self.open.wait()
        finally:
            self.waiting -= 1
        if attachment.id in self.expiring:
            self.expiring.discard(attachment.id)
            self.expire(attachment)
        query = request.query
        try:
            ends, begins = int(query["ex"], 16), int(query["is"], 16)
            signed = hmac.compare_digest(query["hm"], self._signature(attachment, ends, begins))
        except (KeyError, ValueError):
            signed, ends = False, 0
        if not signed or ends < time.time():
            return web.Response(status=404, text="This content is no longer available.")
        self.served.append(str(attachment.id))
        return web.Response(body=attachment.data, content_type=attachment.content_type or "application/octet-stream")

    async def _sticker(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._stickers:
            return web.Response(status=404)
        kind = {"png": "image/png", "json": "application/json", "gif": "image/gif"}[name.rpartition(".")[2]]
        return web.Response(body=self._stickers[name], content_type=kind)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = self._pages.get(request.match_info["name"])
        if page is None:
            return web.Response(status=404)
        return web.Response(body=page[0], content_type=page[1])

    def _signature(self, attachment: Attachment, ends: int, begins: int) -> str:
        text = f"{attachment.id}:{self._generations.get(attachment.id, 0)}:{ends}:{begins}"
        return hmac.new(_SECRET, text.encode(), hashlib.sha256).hexdigest()
