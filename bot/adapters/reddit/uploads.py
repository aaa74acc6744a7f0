"""Handing pictures over to Reddit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import praw
import prawcore
from praw.exceptions import RedditAPIException
from praw.models import PostMedia

from bot.adapters import TryLater
from bot.adapters.reddit.session import LoginRefused
from bot.adapters.reddit.troubles import RATE_LIMITED, TROUBLES, codes, describe, try_later
from bot.storage import Storage
from bot.vocabulary import Answer, Request, ResultPicture

MAX_UPLOAD_BYTES = 20 * 2**20
"""Reddit's limit for pictures: https://support.reddithelp.com/hc/en-us/articles/360060422572."""
GIF = "image/gif"
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", GIF: "gif"}


class Uploaded(PostMedia):
    """A picture that Reddit has already, to be posted.

    PRAW uploads while it posts; apart from each other, a failed upload can't be taken for a post that may be there.
    """

    def __init__(self, media: PostMedia, uploaded: str) -> None:
        """``uploaded`` is what the upload returned."""
        super().__init__(b"", name=media.name)
        self._uploaded = uploaded

    def _upload(self, *_arguments: object, **_options: object) -> str:
        return self._uploaded


class NotPossible(Exception):  # noqa: N818 - says what happened
    """The results can't be put there; another place has to do."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A result on its way to Reddit."""

    result: ResultPicture
    media: PostMedia

    @property
    def animated(self) -> bool:
        """Whether it is a GIF."""
        return self.result.media_type == GIF


async def uploads_of(storage: Storage, request: Request, answer: Answer) -> tuple[Upload, ...]:
    """Read the results of an answer. Raises ``NotPossible`` when Reddit doesn't take one of them."""
    uploads = []
    for result in answer.results:
        if result.media_type not in _SUFFIXES:
            raise NotPossible(f"Reddit takes no {result.media_type}")
        data = await storage.read(request.id, result.file)
        if len(data) > MAX_UPLOAD_BYTES:
            raise NotPossible(f"a picture of {len(data)} bytes is too large for Reddit")
        name = f"colorized-{result.index + 1}.{_SUFFIXES[result.media_type]}"
        uploads.append(Upload(result, PostMedia(data, name=name)))
    return tuple(uploads)


def upload_for_comment(reddit: praw.Reddit, uploads: Sequence[Upload]) -> list[str]:
    """Upload pictures that a comment shall show; return their asset ids. Raises ``NotPossible`` and ``TryLater``."""
    try:
        # PRAW uploads in public for posts alone; what it does for pictures within text posts is right for comments.
        return [upload.media._upload(reddit, upload_type="selfpost") for upload in uploads]
    except TROUBLES as error:
        raise not_possible(error) from error


def upload_for_post(reddit: praw.Reddit, uploads: Sequence[Upload]) -> list[PostMedia]:
    """Upload the pictures of a post. Raises ``NotPossible`` and ``TryLater``."""
    kind = "link" if len(uploads) == 1 else "gallery"
    try:
        return [
            Uploaded(upload.media, upload.media._upload(reddit, expected_mime_prefix="image", upload_type=kind))
            for upload in uploads
        ]
    except TROUBLES as error:
        raise not_possible(error) from error


def not_possible(error: BaseException) -> Exception:
    """Return ``NotPossible``, but for troubles that concern everything alike: then trying elsewhere is no use."""
    limited = isinstance(error, RedditAPIException) and RATE_LIMITED in codes(error)
    if limited or isinstance(
        error, TryLater | LoginRefused | prawcore.OAuthException | prawcore.TooManyRequests | prawcore.InvalidToken
    ):
        return try_later(error)
    return NotPossible(describe(error))
