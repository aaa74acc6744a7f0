"""How large a photo may be, and the checks that tell so before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from inference.problems import EmptyBody, TooManyBytes, TooManyFrames, TooManyPixels

_MEGA = 1_000_000
_MEBI = 2**20
_LONGEST_SIDE = 65_535
"""JPEG knows no longer one; a picture of few rows and millions of columns takes a hundred times its size in memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest files, pictures and animations that are taken."""

    max_bytes: int = 50 * _MEBI
    max_pixels: int = 64_000_000
    max_frames: int = 300
    max_total_pixels: int = 200_000_000
    """Frames times pixels of an animation."""

    def check_bytes(self, count: int) -> None:
        """Raise ``EmptyBody`` for an empty file and ``TooManyBytes`` for one that is too large."""
        if count == 0:
            raise EmptyBody
        if count > self.max_bytes:
            raise TooManyBytes(
                f"That file has {count / _MEBI:.1f} MiB, and {self.max_bytes / _MEBI:g} MiB are the most; "
                "please send a smaller copy."
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise ``TooManyPixels`` where one frame is too large."""
        if max(width, height) > _LONGEST_SIDE:
            raise TooManyPixels(
                f"That picture is {width} × {height} pixels, and {_LONGEST_SIDE} are the most for one side; "
                "please send a smaller copy."
            )
        if width * height > self.max_pixels:
            raise TooManyPixels(
                f"That picture is {width} × {height} pixels, and {self.max_pixels / _MEGA:g} megapixels are the most; "
                "please send a smaller copy."
            )

    def check_frames(self, count: int, width: int, height: int) -> None:
        """Raise ``TooManyFrames`` or ``TooManyPixels`` where an animation of ``count`` frames is too large."""
        if count > self.max_frames:
            raise TooManyFrames(
                f"That animation has more than {self.max_frames} frames, which is the most; please send a shorter one."
            )
        if count > 1 and count * width * height > self.max_total_pixels:
            raise TooManyPixels(
                f"That animation has {count} frames of {width} × {height} pixels, and "
                f"{self.max_total_pixels / _MEGA:g} megapixels together are the most; please send a smaller copy."
            )
