"""Pictures: what people posted, and the bot's own on their way from the lease over the bucket into a post."""

from __future__ import annotations

import io
import mimetypes
import threading
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.platforms.reddit.calls import Answer, Call, errors, said
from tests.platforms.reddit.rendering import recorded
from tests.platforms.reddit.things import Asset, Submission
from tests.platforms.reddit.world import World

TOO_BIG = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum allowed size</Message>\
<ProposedSize>{}</ProposedSize><MaxSizeAllowed>{}</MaxSizeAllowed></Error>"""


@dataclass
class Studio:
    """Keeps picture files, and turns uploads into posts as slowly as it is told to."""

    world: World
    pictures: str = ""
    """Where the stand-in of i.redd.it is: ``http://host:port``."""
    bucket: str = ""
    """Where uploads go: ``host:port``, always https."""
    processing_seconds: float = 0.05
    """From ``/api/submit`` to the post."""
    loses_posts: bool = False
    """Whether uploads end as ``failed`` instead of becoming posts."""
    silent: bool = False
    """Whether the websocket never says anything."""
    most_bytes: int = 20 * 2**20
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """By path: the file and its media type."""
    done: dict[str, threading.Event] = field(default_factory=dict)

    def host(self, name: str, data: bytes, media_type: str | None = None) -> str:
        """Serve a file; return its address."""
        self.files[f"/{name}"] = (data, media_type or mimetypes.guess_type(name)[0] or "application/octet-stream")
        return f"{self.pictures}/{name}"

    def lease(self, filename: str, mimetype: str) -> Answer:
        asset = self.world.lease(filename, mimetype)
        answer = recorded("submit_image_lease")
        answer["args"]["action"] = f"//{self.bucket}"
        for part in answer["args"]["fields"]:
            part["value"] = {"key": asset.id, "Content-Type": mimetype}.get(part["name"], part["value"])
        answer["asset"].update(asset_id=asset.id, payload={"filepath": filename})
        answer["asset"]["websocket_url"] = self.websocket(asset)
        return said(answer)

    def receive(self, call: Call) -> Answer:
        """Take an upload into the bucket."""
        asset = self.world.assets.get(call.form.get("key", ""))
        if asset is None or not call.file or call.form.get("x-amz-signature") is None:
            return Answer(b"<Error><Code>AccessDenied</Code></Error>", 403, "application/xml")
        if len(call.file) > self.most_bytes:
            text = TOO_BIG.format(len(call.file), self.most_bytes)
            return Answer(text.encode(), 400, "application/xml")
        asset.data = call.file
        self.host(self.file_name(asset), call.file, asset.mimetype)
        text = recorded("submit_image_s3_201").replace("ky0147al7eze1", asset.id)
        text = text.replace("reddit-uploaded-media.s3-accelerate.amazonaws.com", self.bucket)
        return Answer(text.encode(), 201, "application/xml", {"Location": f"https://{self.bucket}/{asset.id}"})

    def websocket(self, asset: Asset) -> str:
        return f"wss://{self.bucket}/{asset.id}?m=AQAAHZcbaMRlOGnkZdj81tYvqyltA0clDUYDNFlV1W57tYJ"

    def uploaded(self, asset_id: str) -> Asset | None:
        asset = self.world.assets.get(asset_id)
        return asset if asset is not None and asset.data else None

    def file_name(self, asset: Asset) -> str:
        return asset.id + {"image/jpeg": ".jpeg", "image/png": ".png", "image/gif": ".gif"}.get(asset.mimetype, ".jpeg")

    def image_post(self, call: Call, subreddit: str, flags: dict[str, bool]) -> Answer:
        """``/api/submit`` with ``kind=image``: only a websocket comes back, the post appears a moment later."""
        url = call.form.get("url", "")
        asset = self.uploaded(url.rpartition("/")[2])
        if asset is None or not url.startswith(f"https://{self.bucket}/"):
            return errors(("BAD_URL", "you should check that url", "url"))
        finished = self.done.setdefault(asset.id, threading.Event())

        def finish() -> None:
            if not self.loses_posts:
                post = self.world.post(
                    subreddit,
                    "submission_image",
                    author=self.world.account,
                    title=call.form["title"],
                    text=call.form.get("text", ""),
                    fields=self.image_fields(f"{self.pictures}/{self.file_name(asset)}", asset.data or b""),
                    over18=flags["nsfw"],
                    spoiler=flags["spoiler"],
                )
                asset.post = post.id
            finished.set()

        threading.Timer(self.processing_seconds, finish).start()
        answer = recorded("submit_image_submit")
        answer["json"]["data"].update(
            user_submitted_page=f"https://www.reddit.com/user/{self.world.account}/submitted/",
            websocket_url=self.websocket(asset),
        )
        return said(answer)

    def image_fields(self, url: str, data: bytes) -> dict[str, Any]:
        """Return what an image post says about its picture."""
        width, height = _size(data)
        source = {
            "url": f"{url}?auto=webp&s=87f19f5c19ceaac01924fddd8cfc5cb216334621",
            "width": width,
            "height": height,
        }
        preview = {
            "images": [{"source": source, "resolutions": [], "variants": {}, "id": "aU7gc11RdymOHCG"}],
            "enabled": True,
        }
        return {"url": url, "url_overridden_by_dest": url, "preview": preview}

    def metadata(self, asset: Asset) -> dict[str, Any]:
        """Return the ``media_metadata`` of an uploaded picture."""
        url = f"{self.pictures}/{self.file_name(asset)}"
        return image_metadata(asset.id, url, asset.data or b"", asset.mimetype)

    def post_of(self, asset: Asset) -> Submission | None:
        return self.world.submissions.get(asset.post or "")


def image_metadata(asset_id: str, url: str, data: bytes, mimetype: str = "image/jpeg") -> dict[str, Any]:
    """Return an entry of ``media_metadata``: an animated one has ``gif`` and ``mp4`` in the place of ``u``."""
    width, height = _size(data)
    size = {"x": width, "y": height}
    if mimetype == "image/gif":
        source = {**size, "gif": url, "mp4": f"{url}?format=mp4"}
        return {"status": "valid", "e": "AnimatedImage", "m": mimetype, "p": [], "s": source, "id": asset_id}
    shown = mimetype.replace("jpeg", "jpg")
    signed = f"{url}?width={width}&format=pjpg&auto=webp&s=978f65bc49a7bc65ed5b0cb7493e7da85ba87909"
    return {"status": "valid", "e": "Image", "m": shown, "p": [], "s": {**size, "u": signed}, "id": asset_id}


def _size(data: bytes) -> tuple[int, int]:
    if not data:
        return 640, 480
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size
