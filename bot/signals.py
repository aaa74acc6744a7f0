"""What signals tell the bot: to stop, or to read its settings again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def until_told_to_stop(on_stop: Callable[[], None]) -> Iterator[None]:
    """Cancel what is inside at SIGTERM or SIGINT, which lets it end in good order; ``on_stop`` hears of it first.

    A second signal ends the process on the spot, which loses nothing either.
    """
    loop, inside, told = asyncio.get_running_loop(), asyncio.current_task(), False
    signals = (signal.SIGTERM, signal.SIGINT)

    def tell() -> None:
        nonlocal told
        told = True
        _log.info("stopping")
        on_stop()
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        if inside is not None:
            inside.cancel()

    for number in signals:
        loop.add_signal_handler(number, tell)
    try:
        yield
    except asyncio.CancelledError:
        if not told:
            raise
        _log.info("stopped")


@contextmanager
def at_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call ``reload`` at SIGHUP; when that says that the terminal was closed which the bot was started in, stop.

    Started by nohup, which lets it ignore SIGHUP, the bot outlives its terminal.
    """
    loop = asyncio.get_running_loop()
    goes_with_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def tell() -> None:
        if goes_with_terminal and not _has_terminal():
            signal.raise_signal(signal.SIGTERM)
        else:
            reload()

    loop.add_signal_handler(signal.SIGHUP, tell)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
