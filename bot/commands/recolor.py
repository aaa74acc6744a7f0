"""``python -m bot recolor``: photos on this machine, without any platform."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.orders import RecolorPhotos
from bot.problems import OperatorError
from bot.recolorer import Recolorer
from bot.settings import Settings
from bot.worker import open_worker
from inference.problems import Problem
from inference.vocabulary import OutputFormat, RecolorOptions

_AT_ONCE = 3
_OWN_WORKER_PATIENCE_SECONDS = 180.0
_OTHER_WORKER_PATIENCE_SECONDS = 15.0
_SUFFIXES = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/gif": (".gif",),
}
_FORMATS = {
    ".jpg": OutputFormat.JPEG,
    ".jpeg": OutputFormat.JPEG,
    ".png": OutputFormat.PNG,
    ".webp": OutputFormat.WEBP,
}


async def recolor(settings: Settings, console: Console, command: RecolorPhotos) -> int:
    """Recolor photos; return 1 when one of them could not be, else 0. Raises ``OperatorError``."""
    if command.out is not None and command.out_is_folder:
        _make_folder(command.out)
    patience = _OWN_WORKER_PATIENCE_SECONDS if settings.inference_url is None else _OTHER_WORKER_PATIENCE_SECONDS
    async with open_worker(settings, on_death=_do_nothing) as client:
        batch = _Batch(command, Recolorer(client, patience_seconds=patience), console)
        return await batch.run()


class _Batch:
    """The photos of one call, a few at a time."""

    def __init__(self, command: RecolorPhotos, recolorer: Recolorer, console: Console) -> None:
        self._command = command
        self._recolorer = recolorer
        self._console = console
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._written: set[Path] = set()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bar = self._progress.add_task("warming up", total=len(command.photos))

    async def run(self) -> int:
        with self._progress:
            done = await asyncio.gather(*(self._one(photo) for photo in self._command.photos))
        if len(done) > 1:
            self._console.print(f"{done.count(True)} of {len(done)} photos recolored", highlight=False)
        return 0 if all(done) else 1

    async def _one(self, photo: Path) -> bool:
        async with self._turns:
            try:
                target = await self._recolor(photo)
            except Problem as problem:
                return self._failed(photo, problem.detail)
            except IsADirectoryError:
                return self._failed(photo, "That is a folder; please name the photos in it.")
            except OSError as error:
                return self._failed(photo, f"{error.strerror}.")
            self._console.print(f"{photo} -> {target}", highlight=False, markup=False, soft_wrap=True)
            self._progress.advance(self._bar)
            return True

    async def _recolor(self, photo: Path) -> Path:
        self._refuse_overwriting(_target(self._command, photo, _likely_suffix(photo)))
        data = await asyncio.to_thread(photo.read_bytes)
        recolored = await self._recolorer.recolor(data, _options(self._command), on_wait=self._show_waiting)
        target = _target(self._command, photo, _fitting_suffix(photo, recolored.media_type))
        self._refuse_overwriting(target)
        self._refuse_misnaming(target, recolored.media_type)
        self._written.add(target)
        await asyncio.to_thread(_write_whole, target, recolored.data)
        return target

    def _refuse_overwriting(self, target: Path) -> None:
        if target in self._written:
            raise FileExistsError(0, f"{target} has the result of another photo; please recolor this one by itself")
        if target.exists() and not self._command.force:
            raise FileExistsError(0, f"{target} is there already; --force overwrites it")

    def _refuse_misnaming(self, target: Path, media_type: str) -> None:
        fitting = ("", *_SUFFIXES[media_type])
        if self._command.options.format is not OutputFormat.AUTO or target.suffix.lower() in fitting:
            return
        raise OSError(0, f"{target} would be no {target.suffix[1:].upper()} file; please name it .jpg, .png or .webp")

    def _show_waiting(self, waiting: bool) -> None:
        self._progress.update(self._bar, description="waiting for the colorizer" if waiting else "recoloring")

    def _failed(self, photo: Path, why: str) -> bool:
        sys.stderr.write(f"{photo}: {why}\n")
        self._progress.advance(self._bar)
        return False


def _target(command: RecolorPhotos, photo: Path, suffix: str) -> Path:
    if command.out is None:
        return photo.with_name(f"{photo.stem}-recolored{suffix}")
    return command.out / (photo.stem + suffix) if command.out_is_folder else command.out


def _likely_suffix(photo: Path) -> str:
    keeps_its_format = any(photo.suffix.lower() in suffixes for suffixes in _SUFFIXES.values())
    return photo.suffix if keeps_its_format else ".jpg"


def _fitting_suffix(photo: Path, media_type: str) -> str:
    suffixes = _SUFFIXES[media_type]
    return photo.suffix if photo.suffix.lower() in suffixes else suffixes[0]


def _options(command: RecolorPhotos) -> RecolorOptions:
    """Let the name of the one result say its format, where nothing else does."""
    if command.out is None or command.out_is_folder or command.options.format is not OutputFormat.AUTO:
        return command.options
    return replace(command.options, format=_FORMATS.get(command.out.suffix.lower(), OutputFormat.AUTO))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"The folder {folder} can't be made: {error.strerror}.") from None


def _write_whole(target: Path, data: bytes) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _do_nothing() -> None:
    pass
