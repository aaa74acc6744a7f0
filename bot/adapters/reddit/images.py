"""Which photos a summons is about.

The walk, as a person would look: the summons itself, then what it answers, upwards, until something has a picture;
at last the post. What is closer to the summons is more likely meant.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from yarl import URL

from bot.adapters.reddit import wording
from bot.adapters.reddit.things import Comment, Data, text
from bot.summons import links_in
from bot.vocabulary import Refusal

_PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif",
)  # fmt: skip
_PICTURE_HOSTS = frozenset(
    {"i.redd.it", "preview.redd.it", "i.imgur.com", "upload.wikimedia.org", "pbs.twimg.com", "i.ibb.co"}
)
_VIDEO_SUFFIXES = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".gifv")
_VIDEO_HOSTS = frozenset(
    {
        "v.redd.it", "youtube.com", "youtu.be", "vimeo.com", "streamable.com", "dailymotion.com", "tiktok.com",
        "twitch.tv", "gfycat.com", "redgifs.com",
    }
)  # fmt: skip
_ALBUMS = re.compile(
    r"(?:^|\.)(?:imgur\.com/(?:a|gallery|t)/|photos\.app\.goo\.gl/|flickr\.com/photos/[^/]+/(?:sets|albums)/)",
    re.IGNORECASE,
)
_REDDIT_HOSTS = frozenset({"reddit.com", "redd.it"})
_NATIVE_IN_BODY = re.compile(r"!\[(?:img|gif)\]\(([^\s)]+)")
_UNPROCESSED = "unprocessed"


class StillProcessing(Exception):  # noqa: N818 - says what happened
    """Reddit hasn't finished with a gallery that was posted just now."""


@dataclass(frozen=True, slots=True)
class Found:
    """Links to the photos, in their order."""

    links: tuple[str, ...]
    instead: tuple[str, ...] = ()
    """Other links to the same photos, for when the first ones are dead."""


Seen = Found | Refusal | None


def in_comments(
    chain: Sequence[Comment], own_name: str, answered: Mapping[str, tuple[str, ...]]
) -> Found | Refusal | None:
    """Look at a summons and the comments above it, the nearest first; ``None`` when none has a picture.

    ``answered`` holds the photos of the bot's own answers, by the answers' fullnames: who answers one means its photos.
    """
    summons, *above = chain
    if (found := in_summons(summons)) is not None:
        return found
    for comment in above:
        if (comment.author or "").lower() == own_name.lower():
            if links := answered.get(comment.fullname):
                return Found(links)
        elif (found := _shown(comment.body, comment.media)) is not None:
            return found
    return None


def in_summons(summons: Comment) -> Seen:
    """Look at a summons alone: whoever puts any link beside it means that link."""
    if native := _native(summons.body, summons.media):
        return Found(native)
    return in_text(summons.body)


def in_text(body: str) -> Seen:
    """Look at what a summons or a message links to; links to Reddit itself are not looked at here."""
    links = [link for link in _links(body) if not _is_on_reddit(link)]
    pictures = [link for link in links if is_picture(link)] or [link for link in links if not _refusal_of(link)]
    if pictures:
        return Found(tuple(pictures))
    return next((refusal for link in links if (refusal := _refusal_of(link))), None)


def in_submission(submission: Data) -> Seen:
    """Look at a post. Raises ``StillProcessing`` when its gallery isn't ready."""
    looks: tuple[Callable[[Data], Seen], ...] = (_gallery, _video, _crosspost, _picture, _selftext, _page, _preview)
    return next((seen for look in looks if (seen := look(submission)) is not None), None)


def submission_linked(body: str) -> str | None:
    """Return the fullname of the post that a text links to; ``None`` when it links to none."""
    for link in _links(body):
        url = _url(link)
        if url is None or not _is_on_reddit(link):
            continue
        found = re.match(r"/(?:r/[^/]+/|user/[^/]+/)?(?:comments|gallery)/([a-z0-9]+)", url.path, re.IGNORECASE)
        if found is None and url.host == "redd.it":
            found = re.match(r"/([a-z0-9]+)/?$", url.path, re.IGNORECASE)
        if found is not None:
            return f"t3_{found[1].lower()}"
    return None


def is_picture(link: str) -> bool:
    """Return whether a link looks like one to a picture, by its host or its ending."""
    url = _url(link)
    if url is None:
        return False
    path = url.path.lower()
    on_picture_host = (url.host or "") in _PICTURE_HOSTS and not path.endswith(_VIDEO_SUFFIXES)
    return on_picture_host or path.endswith(_PICTURE_SUFFIXES)


# A post, one look at a time


def _gallery(submission: Data) -> Seen:
    gallery, media = submission.get("gallery_data"), submission.get("media_metadata")
    if submission.get("is_gallery") is not True and not isinstance(gallery, Mapping):
        return None
    if not isinstance(gallery, Mapping) or not isinstance(media, Mapping):
        return None  # deleted; Reddit leaves both empty
    items = gallery.get("items")
    listed = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    ids = [text(item, "media_id") for item in listed]
    if any(isinstance(media.get(name), Mapping) and media[name].get("status") == _UNPROCESSED for name in ids):
        raise StillProcessing
    return _found(link for name in ids if (link := _source(media.get(name))))


def _video(submission: Data) -> Seen:
    if submission.get("is_video") is True or submission.get("post_hint") in ("hosted:video", "rich:video"):
        return wording.VIDEO
    return None


def _crosspost(submission: Data) -> Seen:
    parents = submission.get("crosspost_parent_list")
    if isinstance(parents, list) and parents and isinstance(parents[0], Mapping):
        return in_submission(parents[0])
    return None


def _picture(submission: Data) -> Seen:
    link = _destination(submission)
    return Found((link,)) if link and (is_picture(link) or submission.get("post_hint") == "image") else None


def _selftext(submission: Data) -> Seen:
    media = submission.get("media_metadata")
    return _shown(text(submission, "selftext"), media if isinstance(media, Mapping) else {})


def _page(submission: Data) -> Seen:
    link = _destination(submission)
    if not link:
        return next((refusal for url in _links(text(submission, "selftext")) if (refusal := _refusal_of(url))), None)
    if refusal := _refusal_of(link):
        return refusal
    preview = _preview(submission)
    return Found((link,), instead=preview.links if isinstance(preview, Found) else ())


def _preview(submission: Data) -> Seen:
    match submission.get("preview"):
        case {"images": [{"source": {"url": str(link)}}, *_]}:
            return _found([link])
        case _:
            return None


def _destination(submission: Data) -> str:
    """Return where a link post leads; an empty text for posts that are on Reddit alone."""
    link = html.unescape(text(submission, "url_overridden_by_dest") or text(submission, "url"))
    if submission.get("is_self") is True or not link.lower().startswith(("http://", "https://")):
        return ""
    return link if is_picture(link) or not _is_on_reddit(link) else ""


# Links


def _shown(body: str, media: Data) -> Found | None:
    """Return the pictures that a text shows: native ones, and links that look like pictures."""
    # A native picture may be in the text as a link too.
    links = [link for link in _links(body) if is_picture(link) and not any(str(name) in link for name in media)]
    return _found((*_native(body, media), *links))


def _native(body: str, media: Data) -> tuple[str, ...]:
    """Return native pictures in the order in which the text shows them."""
    shown = [name for name in _NATIVE_IN_BODY.findall(body) if name in media]
    return tuple(link for name in dict.fromkeys((*shown, *media)) if (link := _source(media[name])))


def _source(media: object) -> str | None:
    """Return the full-size picture of an entry of ``media_metadata``; animated ones have a gif in place of ``u``."""
    match media:
        case {"e": "Image" | "AnimatedImage", "s": {"u": str(link)}}:
            return html.unescape(link)
        case {"e": "AnimatedImage", "s": {"gif": str(link)}}:
            return html.unescape(link)
        case _:
            return None


def _found(links: Iterable[str]) -> Found | None:
    unique = tuple(dict.fromkeys(html.unescape(link) for link in links))
    return Found(unique) if unique else None


def _links(body: str) -> list[str]:
    return links_in(html.unescape(body), flavour="reddit")


def _refusal_of(link: str) -> Refusal | None:
    url = _url(link)
    if url is None:
        return None
    if url.path.lower().endswith(_VIDEO_SUFFIXES) or _is_below(url, _VIDEO_HOSTS):
        return wording.VIDEO
    return wording.ALBUM if _ALBUMS.search(f"{url.host}{url.path}") else None


def _is_on_reddit(link: str) -> bool:
    url = _url(link)
    return url is not None and _is_below(url, _REDDIT_HOSTS) and not is_picture(link) and url.host != "v.redd.it"


def _is_below(url: URL, hosts: frozenset[str]) -> bool:
    host = url.host or ""
    return any(host == known or host.endswith(f".{known}") for known in hosts)


def _url(link: str) -> URL | None:
    """Return a link in its parts; ``None`` when it has none that can be read, the host's name among them."""
    try:
        url = URL(link)
        _ = url.host  # is read only when it is asked for, and may turn out to be none
    except (ValueError, IndexError):  # yarl trips over http://[]@
        return None
    return url
