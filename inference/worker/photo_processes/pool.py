"""The worker's side of the photo processes: who gets which, and what becomes of the photos when one dies."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from inference.imaging import Picture
from inference.imaging.encoding import MEDIA_TYPES
from inference.vocabulary import InputKind, RecolorOptions
from inference.worker.photo_processes.fork_server import ForkServer
from inference.worker.photo_processes.messages import BadMessage, Blob, Header, Plane, plane_blobs, planes_of
from inference.worker.photo_processes.process import Bounds, PhotoProcess, ProcessDied
from inference.worker.profiling import Place

_Result = TypeVar("_Result")


class PhotoProcesses:
    """A number of processes, each forked when it is first needed.

    Photos under way go before new ones, so that answers leave and memory comes free early; a photo stays with the
    process that decoded it. Every step raises ``Problem``, ``ProcessDied`` and ``ProcessFailed``. Cancelled before it
    began, a step never begins. Begun, it can't be interrupted: cancellation then waits for its end, so that memory
    accounted for by the caller is not given out while the process still uses it.
    """

    def __init__(self, count: int, fork_server: ForkServer, bounds: Bounds, *, niceness: int = 0) -> None:
        """Have up to ``count`` processes that give way to others by ``niceness`` (0..19, see nice(2))."""
        self._count = count
        self._fork_server = fork_server
        self._bounds = bounds
        self._niceness = niceness
        self._processes: set[PhotoProcess] = set()
        self._idle: list[PhotoProcess] = []
        self._starts: set[asyncio.Task[None]] = set()
        self._checks: deque[asyncio.Future[PhotoProcess]] = deque()
        self._new: deque[asyncio.Future[PhotoProcess]] = deque()
        self._numbers = itertools.count()

    async def measure(self, data: bytes) -> tuple[int, float]:
        """Return how many pixels all frames of a file have together, undecoded, and the seconds that it took."""
        process = await self._turn(self._checks)
        return await self._ask(
            process, {"do": "measure"}, [data], lambda header, _: (int(header["pixels"]), float(header["seconds"]))
        )

    async def decode(self, data: bytes, shapes: Sequence[tuple[int, int]]) -> DecodedPhoto:
        """Have a photo decoded, and kept until it is to be forgotten; ``shapes`` are the network's, (rows, columns)."""
        process, number = await self._turn(self._new), next(self._numbers)
        order = {"do": "decode", "photo": number, "shapes": [list(shape) for shape in shapes]}

        def understand(header: Header, blobs: list[bytes]) -> DecodedPhoto:
            if not all(tuple(shape) in shapes for shape in header["shapes"]):
                raise BadMessage("planes of shapes that the network does not take")
            return DecodedPhoto(self, process, number, header, blobs)

        try:
            return await self._ask(process, order, [data], understand)
        except asyncio.CancelledError:
            process.tell({"do": "forget", "photo": number})
            raise

    async def encode(
        self, process: PhotoProcess, number: int, ab: Sequence[Plane], options: RecolorOptions
    ) -> tuple[Picture, float]:
        """See ``DecodedPhoto.encode``."""
        await self._turn(process.under_way, process)
        shapes, blobs = plane_blobs(ab)
        order = {"do": "encode", "photo": number, "shapes": shapes, "options": options.to_query()}

        def understand(header: Header, pieces: list[bytes]) -> tuple[Picture, float]:
            (data,) = pieces
            if header["media_type"] not in MEDIA_TYPES.values():
                raise BadMessage("a file of a type that is never written")
            picture = Picture(data, header["media_type"], int(header["width"]), int(header["height"]))
            return picture, float(header["seconds"])

        return await self._ask(process, order, blobs, understand)

    async def profile(self) -> Counter[Place]:
        """Return the seconds spent by line of code, once nothing is in work; empty unless ``Bounds.profile``."""
        places: Counter[Place] = Counter()
        for process in filter(PhotoProcess.look_whether_it_lives, self._processes):
            places.update(await process.ask({"do": "profile"}, [], _places))
        return places

    async def _ask(
        self,
        process: PhotoProcess,
        header: Header,
        blobs: Sequence[Blob],
        understand: Callable[[Header, list[bytes]], _Result],
    ) -> _Result:
        """Ask a process whose turn has come, to the end, and let others have it then."""
        try:
            return await _to_the_end(process.ask(header, blobs, understand))
        finally:
            if process.is_dead:
                self._bury(process)
            else:
                self._idle.append(process)
            self._hand_out()

    async def _turn(self, line: deque[asyncio.Future[PhotoProcess]], own: PhotoProcess | None = None) -> PhotoProcess:
        if own is not None and own.is_dead:
            raise ProcessDied("with another photo", of_this_photo=False)
        turn: asyncio.Future[PhotoProcess] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._hand_out()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._idle.append(turn.result())
            self._hand_out()
            raise

    def _hand_out(self) -> None:
        for process in self._idle[::-1]:
            if not process.look_whether_it_lives():
                self._idle.remove(process)
                self._bury(process)
                continue
            turn = _first(process.under_way) or _first(self._checks) or _first(self._new)
            if turn is not None:
                self._idle.remove(process)
                turn.set_result(process)
        waiting = len(self._checks) + len(self._new)
        while len(self._starts) < waiting and len(self._processes) + len(self._starts) < self._count:
            start = asyncio.create_task(self._start())
            self._starts.add(start)
            start.add_done_callback(self._end_start)

    async def _start(self) -> None:
        try:
            process = await PhotoProcess.start(self._fork_server, self._niceness, self._bounds)
        except (OSError, ProcessDied) as error:
            for turn in (_first(self._checks), _first(self._new)):
                if turn is not None:
                    turn.set_exception(ProcessDied(str(error), of_this_photo=False))
            return
        self._processes.add(process)
        self._idle.append(process)

    def _end_start(self, start: asyncio.Task[None]) -> None:
        self._starts.discard(start)
        self._hand_out()  # whether or not it brought a process: those who still wait may need another

    def _bury(self, process: PhotoProcess) -> None:
        self._processes.discard(process)
        while (turn := _first(process.under_way)) is not None:
            turn.set_exception(ProcessDied("with another photo", of_this_photo=False))


class DecodedPhoto:
    """A photo that a process has decoded and keeps."""

    def __init__(
        self, processes: PhotoProcesses, process: PhotoProcess, number: int, header: Header, blobs: Sequence[bytes]
    ) -> None:
        """Take the process's answer."""
        self._processes = processes
        self._process = process
        self._number = number
        self.kind = InputKind(header["kind"])
        self.lightness = planes_of(header["shapes"], blobs)
        """What the network is to see: L* (rows, columns) in 0..100, float32, for each key frame."""
        self.seconds = float(header["seconds"])
        """How long decoding took."""

    async def encode(self, ab: Sequence[Plane], options: RecolorOptions) -> tuple[Picture, float]:
        """Return the recolored photo as a file, and the seconds that it took; can be done once.

        ``ab`` has (2, h/4, w/4) float32 in Lab units for each plane of ``lightness``.
        """
        return await self._processes.encode(self._process, self._number, ab, options)

    def forget(self) -> None:
        """Let the process let go of it."""
        self._process.tell({"do": "forget", "photo": self._number})


def _places(header: Header, blobs: list[bytes]) -> dict[Place, float]:
    return {Place(*place): float(seconds) for *place, seconds in header["places"]}


def _first(line: deque[asyncio.Future[PhotoProcess]]) -> asyncio.Future[PhotoProcess] | None:
    """Take the first who still waits out of a line."""
    while line:
        turn = line.popleft()
        if not turn.done():
            return turn
    return None


async def _to_the_end(work: Coroutine[object, object, _Result]) -> _Result:
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()  # nobody else will look at it
        raise
