"""Threads that speak to Reddit, so that the event loop never waits for it.

Each has a `praw.Reddit` of its own, since PRAW is not made for sharing one. They are daemons: a request that Reddit
holds up for long doesn't hold up the bot's end, and what it was about is looked up at the next start.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from contextvars import copy_context
from functools import cache
from queue import SimpleQueue
from typing import Any, Concatenate, ParamSpec, TypeVar

import praw

from bot.adapters.reddit.troubles import TROUBLES, try_later

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple[Callable[[praw.Reddit], Any], "Future[Any]"]


class Workers:
    """A few threads that take jobs from one line."""

    def __init__(self, name: str, size: int, sign_in: Callable[[threading.Event], praw.Reddit]) -> None:
        """``sign_in`` makes a thread's Reddit object; it gets an event that is set when the threads shall end."""
        self._name = name
        self._size = size
        self._sign_in = sign_in
        self._crew: _Crew | None = None

    async def call(
        self, function: Callable[Concatenate[praw.Reddit, P], T], /, *arguments: P.args, **options: P.kwargs
    ) -> T:
        """Call a function in one of the threads with its Reddit object, and return what it returns.

        Raises what it raises, and ``TryLater`` for whatever went wrong with Reddit.
        """
        if self._crew is None:
            self._crew = _Crew(self._name, self._size, self._sign_in)
        future: Future[T] = Future()
        context = copy_context()  # so that what the thread logs has the request's id
        self._crew.jobs.put((lambda reddit: context.run(function, reddit, *arguments, **options), future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end after what they have in hand; a later call starts others."""
        if self._crew is not None:
            self._crew.end()
            self._crew = None


class _Crew:
    def __init__(self, name: str, size: int, sign_in: Callable[[threading.Event], praw.Reddit]) -> None:
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._sign_in = sign_in
        self._threads = [
            threading.Thread(target=self._work, name=f"reddit-{name}-{number}", daemon=True) for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stopping.set()
        for _ in self._threads:
            self.jobs.put(None)

    def _work(self) -> None:
        with ExitStack() as resources:
            # Within the first job, so that whoever waits for it hears when that fails.
            signed_in = cache(lambda: resources.enter_context(self._sign_in(self._stopping)))
            while (job := self.jobs.get()) is not None:
                function, future = job
                if future.set_running_or_notify_cancel():
                    _carry_out(function, signed_in, future)


def _carry_out(
    function: Callable[[praw.Reddit], Any], signed_in: Callable[[], praw.Reddit], future: Future[Any]
) -> None:
    try:
        result = function(signed_in())
    except TROUBLES as error:
        trouble = try_later(error)
        trouble.__cause__ = error
        future.set_exception(trouble)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the one who called
        future.set_exception(error)
    else:
        future.set_result(result)
