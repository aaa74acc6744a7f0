"""The folder that holds the photos, and an SQLite ledger too, which makes it one bot's at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.problems import OperatorError

_LOCK = ".lock"


@contextmanager
def hold_data_folder(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Make the folder where needed and hold it for as long as the context lasts.

    Two bots on the same SQLite ledger would both resume what is unfinished and answer it twice. ``shared`` lets in
    other bots that share it: theirs is a ledger that knows of them all. The lock goes with the process, however that
    ends. Raises ``OperatorError``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+")
    except OSError as error:
        raise OperatorError(
            f"The data folder {folder} can't be used ({error.strerror}); "
            "set COLORIZEBOT_DATA_DIR to a folder that the bot may write to."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                f"Another bot is running with the data folder {folder}; "
                "stop it first, or set COLORIZEBOT_DATA_DIR to another folder."
            ) from None
        except OSError as error:
            if not shared:
                raise OperatorError(
                    f"The data folder {folder} can't be locked ({error.strerror}), which SQLite needs; "
                    "set COLORIZEBOT_DATA_DIR to a folder on a disk of this machine."
                ) from None
        yield
