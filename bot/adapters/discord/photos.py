"""Which photos a message shows: attachments, stickers, forwarded ones, embeds, and what its links lead to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Self

from discord import Attachment, Embed, Message, MessageSnapshot, StickerFormatType, StickerItem
from yarl import URL

from bot.adapters.discord.notes import Photo
from bot.summons import links_in

_IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".apng", ".webp", ".gif", ".avif", ".heic", ".heif", ".tif", ".tiff", ".bmp"}
)
_VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v"})
_SPOILER = "SPOILER_"
_SPOILER_LINK = re.compile(r"\|\|.*?\|\|", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found in one place."""

    photos: tuple[Photo, ...] = ()
    video: bool = False
    """Whether there was a video, which can't be recolored."""

    def __bool__(self) -> bool:
        return bool(self.photos)

    @classmethod
    def collected(cls, parts: Iterable[Self]) -> Self:
        """Join what several places show, each photo once."""
        parts = list(parts)
        by_url = {photo.url: photo for part in reversed(parts) for photo in reversed(part.photos)}
        photos = tuple(reversed(by_url.values()))
        return cls(photos, any(part.video for part in parts))


def shown_in(message: Message | MessageSnapshot) -> Shown:
    """Return what a message shows by itself, in the order in which people see it."""
    return Shown.collected(_parts(message))


def of_link(link: str) -> Photo:
    """Return the photo that a link leads to, named after its address."""
    try:
        name = PurePosixPath(URL(link).path).name
    except (ValueError, IndexError):  # yarl trips over http://[]@
        name = ""
    return _named(link, name or "photo", spoiler=False)


def of_attachment(attachment: Attachment) -> Shown:
    """Return the photo that an attachment is, going by its media type, or by its name where that isn't said."""
    media_type, suffix = attachment.content_type or "", PurePosixPath(attachment.filename).suffix.lower()
    if media_type.startswith("image/") or (not media_type.startswith("video/") and suffix in _IMAGE_SUFFIXES):
        spoiler = attachment.is_spoiler()
        return Shown((_named(attachment.url, attachment.filename, spoiler, attachment.description),))
    return Shown(video=media_type.startswith("video/") or suffix in _VIDEO_SUFFIXES)


def _parts(message: Message | MessageSnapshot) -> Iterator[Shown]:
    for attachment in message.attachments:
        yield of_attachment(attachment)
    if isinstance(message, Message):
        for snapshot in message.message_snapshots:
            yield shown_in(snapshot)
    for sticker in message.stickers:
        yield _of_sticker(sticker)
    yield from _of_links_and_embeds(message.content, message.embeds)


def _of_sticker(sticker: StickerItem) -> Shown:
    if sticker.format is StickerFormatType.lottie:
        return Shown()  # a drawing program, not an image
    return Shown((Photo(sticker.url, f"{sticker.name}{PurePosixPath(URL(sticker.url).path).suffix}"),))


@dataclass(slots=True)
class _Preview:
    """What Discord shows below a message for one link; several embeds of one link are more pictures of it."""

    pictures: list[str] = field(default_factory=list)
    video: bool = False


def _of_links_and_embeds(content: str, embeds: list[Embed]) -> Iterator[Shown]:
    previews: dict[str, _Preview] = {}
    for number, embed in enumerate(embeds):
        preview = previews.setdefault(embed.url or f"#{number}", _Preview())
        preview.video = preview.video or embed.type == "video"
        if picture := embed.image.url or embed.thumbnail.url:
            preview.pictures.append(picture)
    hidden = " ".join(_SPOILER_LINK.findall(content))
    for link in links_in(content, flavour="discord"):
        yield _of_link_with(previews.pop(link, None), link, spoiler=link in hidden)
    for preview in previews.values():
        yield _of_preview(preview)


def _of_link_with(preview: _Preview | None, link: str, *, spoiler: bool) -> Shown:
    suffix = PurePosixPath(link.partition("?")[0]).suffix.lower()
    if suffix in _VIDEO_SUFFIXES:
        return Shown(video=True)
    found = _of_preview(preview) if preview is not None else Shown()
    # A link to a picture itself is better than a preview of it; a page's preview is better than the page.
    if suffix in _IMAGE_SUFFIXES or not (found or found.video):
        found = Shown((of_link(link),))
    return Shown(tuple(_hidden(photo) for photo in found.photos), found.video) if spoiler else found


def _of_preview(preview: _Preview) -> Shown:
    if preview.video:
        return Shown(video=True)
    return Shown(tuple(of_link(picture) for picture in preview.pictures))


def _hidden(photo: Photo) -> Photo:
    return Photo(photo.url, photo.name, spoiler=True, description=photo.description)


def _named(url: str, name: str, spoiler: bool, description: str | None = None) -> Photo:
    return Photo(url, name.removeprefix(_SPOILER), spoiler or name.startswith(_SPOILER), description)
