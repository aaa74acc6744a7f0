"""Where a worker's time went: by stage of a request, and by line of code, sampled while it runs."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NamedTuple

_EVERY_SECONDS = 0.005
_SHOWN_LINES = 16
_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"
_IGNORED = frozenset({"stdin", "profiler"})
# A thread whose innermost Python frame is in one of these waits for something.
_WAITING = ("selectors.py", "threading.py", "messages.py")


class Place(NamedTuple):
    """A line of code of ours, and the kind of thread that was at it."""

    thread: str
    file: str
    line: int
    function: str


class Sampler:
    """Looks every few milliseconds at what this process's threads do."""

    def __init__(self) -> None:
        self._began = 0.0
        self._looks = 0
        self._places: Counter[Place] = Counter()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="profiler", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it looks on."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to look."""
        self._began = time.perf_counter()
        self._thread.start()

    def stop(self) -> dict[Place, float]:
        """Look no more; return how many seconds threads spent where."""
        self._stopped.set()
        self._thread.join()
        each = (time.perf_counter() - self._began) / max(1, self._looks)
        return {place: looks * each for place, looks in self._places.items()}

    def _look_on(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            self._looks += 1
            names = {thread.ident: thread.name for thread in threading.enumerate() if thread.name not in _IGNORED}
            for identity, frame in sys._current_frames().items():
                place = _place(names[identity], frame) if identity in names else None
                if place is not None:
                    self._places[place] += 1


class Profiler:
    """Adds up what the stages took, and where the threads and the photo processes were."""

    def __init__(self) -> None:
        self._began = 0.0
        self._stages: dict[str, float] = {}
        self._photos = 0
        self._sampler = Sampler()

    @property
    def is_running(self) -> bool:
        """Whether it has begun."""
        return self._sampler.is_running

    def start(self) -> None:
        """Begin to look."""
        self._began = time.perf_counter()
        self._sampler.start()

    def stop(self, elsewhere: Mapping[Place, float]) -> str:
        """Look no more; return where the time went, in lines for people; ``elsewhere`` has other processes' seconds."""
        places = Counter(self._sampler.stop())
        places.update(elsewhere)
        return self._report(time.perf_counter() - self._began, places)

    def count(self, milliseconds: Mapping[str, float]) -> None:
        """Add what the stages of one photo took."""
        self._photos += 1
        for stage, each in milliseconds.items():
            self._stages[stage] = self._stages.get(stage, 0.0) + each

    def _report(self, seconds: float, places: Counter[Place]) -> str:
        lines = [f"where the time went: {self._photos} photos in {seconds:.1f} s"]
        photos, total = max(1, self._photos), sum(self._stages.values())
        for stage, milliseconds in self._stages.items():
            lines.append(f"  {milliseconds / photos:8.2f} ms a photo {milliseconds / total:6.1%}  {stage}")
        lines.append("at work, by line of code, in ms a photo (native code counts for the line that calls it):")
        for place, spent in places.most_common(_SHOWN_LINES):
            milliseconds = spent * 1000 / photos
            lines.append(f"  {milliseconds:8.2f}  {place.thread:10} {place.file}:{place.line} {place.function}")
        return "\n".join(lines)


def _place(thread: str, innermost: FrameType) -> Place | None:
    """Return the innermost line of ours that a thread is at; None if it waits, or does nothing of ours."""
    if innermost.f_code.co_filename.endswith(_WAITING):
        return None
    frame: FrameType | None = innermost
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGE):
            name = thread.partition("_")[0]
            return Place(name, file.removeprefix(_PACKAGE), frame.f_lineno, frame.f_code.co_qualname)
        frame = frame.f_back
    return None
