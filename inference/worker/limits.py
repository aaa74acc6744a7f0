"""What a worker takes at most, as its settings say."""

from __future__ import annotations

from inference.imaging import Limits
from inference.settings import WorkerSettings


def limits_of(settings: WorkerSettings) -> Limits:
    """Return the limits that ``settings`` name."""
    return Limits(
        max_bytes=settings.max_bytes,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        max_total_pixels=settings.max_total_pixels,
    )
