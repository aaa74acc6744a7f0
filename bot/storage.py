"""The photos: one folder for each request, files written whole or not at all.

A request's folder holds ``input-0`` (as it came), ``result-0.jpg`` and, once somebody looked, ``compare-0.jpg``;
likewise for its other photos. A file that can be seen under its name is complete and on the disk: it is written under
another name, synced, renamed, and the folder synced. So a crash leaves at worst a ``*.part`` file, which goes with its
folder, or a folder without a request, which `Storage.sweep` removes at the next start.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterable, AsyncIterator, Collection
from datetime import timedelta
from io import BufferedWriter
from pathlib import Path

from bot.vocabulary import ImageKind, ImageReference

_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NAME = re.compile(r"(input|result|compare)-\d{1,4}(\.[a-z0-9]{1,8})?")
_PART = ".part"
_GONE = ".gone"
_OURS = re.compile(rf"{_ID.pattern}(-[0-9a-f]{{8}}{re.escape(_GONE)})?")
"""The names of folders that are made here; anything else is somebody else's, such as ``lost+found``."""


class TooLarge(Exception):  # noqa: N818 - says what happened
    """More bytes came than were allowed; nothing of them is kept."""


class Storage:
    """The folders below one root."""

    def __init__(self, root: Path) -> None:
        """Keep the folders below ``root``, which is made when the first photo comes."""
        self._root = root

    def path(self, request_id: str, name: str) -> Path:
        """Return where a file of a request is or would be. Raises ``ValueError`` for anything but a plain name."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a stored file")
        return self._folder(request_id) / name

    async def save_input(
        self, request_id: str, index: int, data: bytes | AsyncIterable[bytes], *, max_bytes: int | None = None
    ) -> ImageReference:
        """Keep a photo as it came, making the folder where needed. Raises ``TooLarge`` beyond ``max_bytes``."""
        path = self.path(request_id, input_name(index))
        await asyncio.to_thread(_make_folder, path.parent)
        await _write_whole(path, data, max_bytes)
        return ImageReference(ImageKind.UPLOAD, path.name)

    async def save_picture(self, request_id: str, name: str, data: bytes) -> Path:
        """Keep a result. Raises ``FileNotFoundError`` when the request's folder has been deleted meanwhile."""
        path = self.path(request_id, name)
        await _write_whole(path, data, None)
        return path

    async def read(self, request_id: str, name: str) -> bytes:
        """Return a file's bytes. Raises ``FileNotFoundError``."""
        return await asyncio.to_thread(self.path(request_id, name).read_bytes)

    async def holds(self, request_id: str, name: str) -> bool:
        """Return whether a file is there, and so complete."""
        return await asyncio.to_thread(self.path(request_id, name).is_file)

    async def copy_inputs(self, source_id: str, target_id: str) -> None:
        """Copy all photos, as they came, from one request's folder to another's; or none, where that fails."""
        try:
            await asyncio.to_thread(_copy_inputs, self._folder(source_id), self._folder(target_id))
        except OSError:
            await self.remove(target_id)  # on a full disk, the half of them makes matters worse
            raise

    async def remove(self, request_id: str) -> None:
        """Remove a request's folder; one that isn't there is no error."""
        await asyncio.to_thread(_remove_folder, self._folder(request_id))

    async def sweep(
        self, *, kept: Collection[str], deleted: Collection[str], untouched_for: timedelta = timedelta(0)
    ) -> int:
        """Remove what crashes left behind, knowing the ids of the requests kept and deleted; return how many folders.

        That is the photos of deleted requests, and uploads whose request never came to be. Results are never removed
        for want of a request: the database may just be another one than theirs. For the start only: a photo on its way
        in has no request yet. Where other bots keep photos here too, only what is ``untouched_for`` long is a stray.
        """
        before = time.time() - untouched_for.total_seconds()
        return await asyncio.to_thread(_sweep, self._root, frozenset(kept), frozenset(deleted), before)

    async def holdings(self) -> list[str]:
        """Return the ids of all requests that have a folder here."""
        return await asyncio.to_thread(_ids, self._root)

    def _folder(self, request_id: str) -> Path:
        if not _ID.fullmatch(request_id):
            raise ValueError("not a request's id")
        return self._root / request_id


def input_name(index: int) -> str:
    """Return the name under which a request's photo is kept as it came."""
    return f"input-{index}"


async def _write_whole(path: Path, data: bytes | AsyncIterable[bytes], max_bytes: int | None) -> None:
    part = path.with_name(secrets.token_hex(8) + _PART)
    try:
        # A file rather than a descriptor: should this be cancelled meanwhile, it closes when nobody gets it.
        with await asyncio.to_thread(_open_new, part) as file:
            written = 0
            async for chunk in _chunks(data):
                written += len(chunk)
                if max_bytes is not None and written > max_bytes:
                    raise TooLarge
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_sync, file)
        await asyncio.to_thread(_put_in_place, part, path)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


async def _chunks(data: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    async for chunk in data:
        yield chunk


def _open_new(part: Path) -> BufferedWriter:
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync(file: BufferedWriter) -> None:
    file.flush()
    os.fsync(file.fileno())


def _put_in_place(part: Path, path: Path) -> None:
    part.replace(path)
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_inputs(source: Path, target: Path) -> None:
    _make_folder(target)
    for photo in source.glob("input-*"):
        part = target / (photo.name + _PART)
        shutil.copyfile(photo, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        _put_in_place(part, target / photo.name)


def _remove_folder(folder: Path) -> None:
    # Renamed first, so that whoever is just writing into it finds it gone instead of keeping it from going.
    gone = folder.with_name(f"{folder.name}-{secrets.token_hex(4)}{_GONE}")
    try:
        folder.replace(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone)


def _ids(root: Path) -> list[str]:
    return [folder.name for folder in root.iterdir() if _ID.fullmatch(folder.name)] if root.is_dir() else []


def _sweep(root: Path, kept: frozenset[str], deleted: frozenset[str], before: float) -> int:
    folders = [folder for folder in root.iterdir() if _OURS.fullmatch(folder.name)] if root.is_dir() else []
    return sum(_sweep_away(folder, deleted, before) for folder in folders if folder.name not in kept)


def _sweep_away(folder: Path, deleted: frozenset[str], before: float) -> bool:
    try:
        if folder.stat().st_mtime > before:
            return False
        if folder.suffix != _GONE and folder.name not in deleted and not _only_inputs(folder):
            return False
        shutil.rmtree(folder)
    except FileNotFoundError:
        return False  # another bot was quicker
    return True


def _only_inputs(folder: Path) -> bool:
    return all(file.suffix == _PART or file.name.startswith("input-") for file in folder.iterdir())
