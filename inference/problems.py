"""Everything that can go wrong with one recoloring request, as one tree of exceptions.

Each class is one RFC 9457 problem type: an HTTP status, a stable word (``slug``) that programs may rely on, and a
title. Each instance carries one kind sentence (``detail``) that tells a person what to do. Only the standard library
is imported here, so that clients can use the tree without the model's dependencies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

PROBLEM_MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:colorizebot:problem:"


class Problem(Exception):  # noqa: N818 - the RFC's word
    """A request that could not be served; the class itself stands for a failure nobody foresaw."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"
    advice: ClassVar[str] = "Something went wrong on our side; please try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        """Tell ``detail`` (the class's ``advice`` when omitted); ``retry_after`` is in seconds."""
        self.detail = self.advice if detail is None else detail
        self.retry_after = retry_after
        super().__init__(self.detail)

    def to_json(self) -> dict[str, Any]:
        """Return the problem's document; ``retry_after`` travels as the Retry-After header, not in here."""
        return {
            "type": _TYPE_PREFIX + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "reason": self.slug,
        }

    @staticmethod
    def from_json(document: Mapping[str, Any], *, retry_after: int | None = None) -> Problem:
        """Rebuild the problem that ``to_json`` described; an unknown reason becomes a plain ``Problem``."""
        problem_class = _BY_SLUG.get(str(document.get("reason")), Problem)
        detail = document.get("detail")
        return problem_class(detail if isinstance(detail, str) else None, retry_after=retry_after)


class NotAnImage(Problem):
    """The bytes are no picture at all."""

    status = 400
    slug = "not_an_image"
    title = "Not an image"
    advice = "That file isn't a picture; please send a JPEG, PNG, WebP, GIF, AVIF, HEIC or TIFF photo."


class BrokenImage(Problem):
    """The bytes begin like a picture, but can't be decoded."""

    status = 400
    slug = "broken_image"
    title = "Broken image"
    advice = "That picture is damaged or incomplete; please save or upload it again."


class EmptyBody(Problem):
    """There are no bytes."""

    status = 400
    slug = "empty"
    title = "Empty file"
    advice = "That file is empty; please send the photo itself."


class TokenNeeded(Problem):
    """The request came without the worker's token."""

    status = 401
    slug = "token_needed"
    title = "Token needed"
    advice = "This worker is for those who know its token; please send it in the header “Authorization: Bearer …”."


class CertificateNeeded(Problem):
    """The connection was made without a client's certificate."""

    status = 403
    slug = "certificate_needed"
    title = "Certificate needed"
    advice = "This worker is for those who show a certificate that it trusts; please connect with one, by https."


class TooManyBytes(Problem):
    """The file is larger than the limit."""

    status = 413
    slug = "too_many_bytes"
    title = "File too large"
    advice = "That file is too large; please send a smaller copy."


class TooManyPixels(Problem):
    """The picture (or all frames together) has more pixels than the limit."""

    status = 413
    slug = "too_many_pixels"
    title = "Too many pixels"
    advice = "That picture has too many pixels; please send a smaller copy."


class TooManyFrames(Problem):
    """The animation has more frames than the limit."""

    status = 413
    slug = "too_many_frames"
    title = "Too many frames"
    advice = "That animation is too long; please send a shorter one."


class UnsupportedType(Problem):
    """The file is of a known type that is not taken."""

    status = 415
    slug = "unsupported_type"
    title = "Unsupported type"
    advice = "That type of file isn't taken; please send a JPEG, PNG, WebP, GIF, AVIF, HEIC or TIFF photo."


class InvalidOption(Problem):
    """An option is unknown, or its value is."""

    status = 422
    slug = "invalid_option"
    title = "Invalid option"
    advice = "One of the options isn't understood; please check their names and values."


class Busy(Problem):
    """The queue is full."""

    status = 429
    slug = "busy"
    title = "Too busy"
    advice = "There are many photos waiting right now; please try again in a moment."


class NotReady(Problem):
    """The model is still loading."""

    status = 503
    slug = "loading"
    title = "Warming up"
    advice = "The colorizer is still warming up; please try again in a few seconds."


class Draining(Problem):
    """The worker is shutting down and takes nothing new."""

    status = 503
    slug = "draining"
    title = "Shutting down"
    advice = "The colorizer is restarting; please try again in a few seconds."


class OutOfMemory(Problem):
    """The device ran out of memory even for this photo alone."""

    status = 503
    slug = "out_of_memory"
    title = "Out of memory"
    advice = "There wasn't enough memory for that photo just now; please try again, or send a smaller copy."


def _family(root: type[Problem]) -> Iterator[type[Problem]]:
    yield root
    for child in root.__subclasses__():
        yield from _family(child)


_BY_SLUG: dict[str, type[Problem]] = {problem_class.slug: problem_class for problem_class in _family(Problem)}
