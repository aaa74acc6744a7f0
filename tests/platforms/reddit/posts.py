"""The kinds of posts that there are, each with what Reddit says about it."""

from __future__ import annotations

from typing import Any

from tests.platforms.reddit.media import Studio, image_metadata
from tests.platforms.reddit.rendering import WWW, submission
from tests.platforms.reddit.things import Asset, Submission
from tests.platforms.reddit.world import World

_SELF_URLS = {"url_overridden_by_dest": None}


class Posts:
    """Makes posts as people make them; ``about`` takes ``author``, ``title``, ``over18``, ``spoiler``, ``locked``."""

    def __init__(self, world: World, studio: Studio) -> None:
        self._world = world
        self._studio = studio

    def image(self, subreddit: str, data: bytes, *, suffix: str = "jpg", **about: Any) -> Submission:
        url, _ = self._hosted(data, suffix)
        return self._post(subreddit, "submission_image", about, self._studio.image_fields(url, data))

    def animated(self, subreddit: str, data: bytes, **about: Any) -> Submission:
        """A GIF: the preview's ``source`` is a still, the ``variants`` move."""
        url, _ = self._hosted(data, "gif")
        fields = self._studio.image_fields(url, data)
        source = fields["preview"]["images"][0]["source"]
        fields["preview"]["images"][0]["variants"] = {
            "gif": {"source": {**source, "url": f"{url}?s=e8f5a150fc0fa7e1"}, "resolutions": []},
            "mp4": {"source": {**source, "url": f"{url}?format=mp4&s=599af77cf4c01b9a"}, "resolutions": []},
        }
        source["url"] = f"{url}?format=png8&s=d7e876c95b4f48ec"
        return self._post(subreddit, "submission_image_gif", about, fields)

    def gallery(self, subreddit: str, pictures: list[bytes], *, ready: bool = True, **about: Any) -> Submission:
        """A gallery; ``media_metadata`` has another order than ``gallery_data``, and says little until it is ready."""
        metadata, items = {}, []
        for number, data in enumerate(pictures):
            kind = "gif" if data.startswith(b"GIF") else "jpg"
            url, asset = self._hosted(data, kind)
            metadata[asset.id] = image_metadata(asset.id, url, data, asset.mimetype)
            items.append({"media_id": asset.id, "id": 659119513 + number})
        metadata = dict(reversed(metadata.items()))
        post = self._post(subreddit, "submission_gallery", about, {"gallery_data": {"items": items}})
        link = f"{WWW}/gallery/{post.id}"
        post.fields.update(url=link, url_overridden_by_dest=link, is_gallery=True, media_metadata=metadata)
        if not ready:
            post.fields["ready_metadata"] = metadata
            post.fields["media_metadata"] = {asset: {"status": "unprocessed"} for asset in metadata}
        return post

    def finish_gallery(self, post: Submission) -> None:
        """Let Reddit be done with a gallery that wasn't ready."""
        with self._world.lock:
            post.fields["media_metadata"] = post.fields.pop("ready_metadata")

    def link(self, subreddit: str, url: str, *, preview: bytes | None = None, **about: Any) -> Submission:
        """A link to somewhere else; Reddit may have made a preview of what it saw there."""
        fields: dict[str, Any] = {
            "url": url,
            "url_overridden_by_dest": url,
            "is_self": False,
            "domain": url.split("/")[2],
            "post_hint": "link",
        }
        if preview:
            hosted, _ = self._hosted(preview, "jpg")
            fields["preview"] = {**self._studio.image_fields(hosted, preview)["preview"], "enabled": False}
        return self._post(subreddit, "submission_self", about, fields)

    def text(self, subreddit: str, text: str = "", *, pictures: list[bytes] = [], **about: Any) -> Submission:  # noqa: B006
        """A text post; pictures in it are links in its text and entries of ``media_metadata``."""
        fields: dict[str, Any] = {}
        for data in pictures:
            url, asset = self._hosted(data, "jpg")
            entry = image_metadata(asset.id, url, data)
            fields.setdefault("media_metadata", {})[asset.id] = entry
            text += f"\n\n{entry['s']['u']}"
        return self._post(subreddit, "submission_self", {**about, "text": text}, fields)

    def video(self, subreddit: str, *, still: bytes | None = None, **about: Any) -> Submission:
        """A video at v.redd.it; its preview is a still that isn't what the post is about."""
        url = "https://v.redd.it/5c8a2x1f7k9e1"
        video = {"fallback_url": f"{url}/DASH_720.mp4?source=fallback", "duration": 12, "is_gif": False, "height": 720}
        fields: dict[str, Any] = {
            "url": url,
            "url_overridden_by_dest": url,
            "domain": "v.redd.it",
            "is_self": False,
            "is_video": True,
            "post_hint": "hosted:video",
            "media": {"reddit_video": video},
            "secure_media": {"reddit_video": video},
        }
        if still:
            fields["preview"] = self._studio.image_fields(self._hosted(still, "jpg")[0], still)["preview"]
        return self._post(subreddit, "submission_self", about, fields)

    def crosspost(self, subreddit: str, of: Submission, **about: Any) -> Submission:
        """A crosspost: what it shows is in ``crosspost_parent_list``."""
        original = submission(of)
        fields = {
            "crosspost_parent": of.fullname,
            "crosspost_parent_list": [original],
            "url": original["url"],
            "url_overridden_by_dest": original.get("url_overridden_by_dest"),
            "domain": original["domain"],
        }
        return self._post(subreddit, "submission_crosspost", about, fields)

    def _post(self, subreddit: str, mould: str, about: dict[str, Any], fields: dict[str, Any]) -> Submission:
        told = {"author": "poster", "title": "Found in my grandmother's album", **about}
        return self._world.post(subreddit, mould, fields=fields, **told)

    def _hosted(self, data: bytes, suffix: str) -> tuple[str, Asset]:
        mimetype = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}[suffix]
        asset = self._world.lease(f"photo.{suffix}", mimetype)
        asset.data = data
        return self._studio.host(f"{asset.id}.{suffix}", data, mimetype), asset
