"""The folder that holds the database and the photos, for one bot at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.problems import OperatorError

_LOCK = ".lock"


@contextmanager
def own_data_folder(folder: Path) -> Iterator[None]:
    """Make the folder where needed and hold it for as long as the context lasts.

    Two bots on the same ledger would both resume what is unfinished and answer it twice. The lock goes with the
    process, however that ends. Raises ``OperatorError``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a")
    except OSError as error:
        raise OperatorError(
            f"The data folder {folder} can't be used ({error.strerror}); "
            "set COLORIZEBOT_DATA_DIR to a folder that the bot may write to."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                f"Another bot is running with the data folder {folder}; "
                "stop it first, or set COLORIZEBOT_DATA_DIR to another folder."
            ) from None
        yield
