"""What a run says while it works: JSON lines, TensorBoard and a progress bar."""

import io
import json
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter


class Journal:
    """Writes ``log.jsonl`` and TensorBoard events into the run's folder, and shows the progress on the terminal."""

    def __init__(self, folder: Path, steps: int, start: int, batch: int) -> None:
        """Open for a run of ``steps`` steps that (re)starts at step ``start`` with ``batch`` photos a step."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "log.jsonl").open("a+", encoding="utf-8")
        self._drop_half_a_line()
        self._board = SummaryWriter(str(folder), purge_step=start)
        self._steps = steps
        self._start = start
        self._batch = batch
        self._clock = time.monotonic()
        self._shown = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._task: TaskID = self._bar.add_task("training", total=steps, completed=start)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._board.close()
        self._file.close()

    def _drop_half_a_line(self) -> None:
        """Remove what a start left behind that was killed, or whose disk was full, while it wrote."""
        self._file.seek(0)
        whole = [line for line in self._file if line.endswith("\n")]
        self._file.truncate(sum(len(line.encode()) for line in whole))
        self._file.seek(0, io.SEEK_END)

    def advance(self, step: int) -> None:
        """Move the progress bar to ``step`` steps done."""
        speed = (step - self._start) * self._batch / max(1e-9, time.monotonic() - self._clock)
        self._bar.update(self._task, completed=step, description=f"{speed:.0f} photos/s{self._shown}")

    def write(self, step: int, **values: float) -> None:
        """Record scalars at ``step`` steps done, with the photos seen and the seconds since this start."""
        seconds = time.monotonic() - self._clock
        if "loss" in values:
            self._shown = f", loss {values['loss']:.3f}"
        line = {"step": step, "photos": step * self._batch, "seconds": round(seconds, 1), **values}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def picture(self, step: int, name: str, sheet: Tensor) -> None:
        """Show a sheet, uint8 ``(3, H, W)``, in TensorBoard."""
        self._board.add_image(name, sheet, step)
