"""Photos to send, each time as another file: the bot would answer the same file from its memory."""

from __future__ import annotations

import os
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "adapters" / "web" / "static" / "example.jpg"
"""What is sent when nobody says what."""
_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".tif", ".tiff"))
_MOST = 200
_SALT_BYTES = 12
_JPEG_START, _JPEG_COMMENT = b"\xff\xd8", b"\xff\xfe"


def photos_in(folder: Path | None) -> list[bytes]:
    """Return the first 200 photos in a folder, by name, or the example. Raises ``OSError``."""
    if folder is None:
        return [EXAMPLE.read_bytes()]
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)
    return [file.read_bytes() for file in files[:_MOST]]


def varied(photo: bytes) -> bytes:
    """Return a photo that looks the same but is another file, by a comment that nobody reads."""
    salt = os.urandom(_SALT_BYTES)
    if photo.startswith(_JPEG_START):
        length = (2 + len(salt)).to_bytes(2, "big")
        return _JPEG_START + _JPEG_COMMENT + length + salt + photo[len(_JPEG_START) :]
    if photo[4:8] == b"ftyp":  # AVIF and HEIC are made of boxes; one of type “free” means nothing
        return photo + (8 + len(salt)).to_bytes(4, "big") + b"free" + salt
    return photo + salt  # behind the end of a PNG, GIF, WebP or TIFF
