"""Finding a worker: the one that the settings name, or one of the bot's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.embedded_worker import embedded_worker
from bot.settings import Settings
from inference.client import InferenceClient


@asynccontextmanager
async def open_worker(settings: Settings, *, on_death: Callable[[], None]) -> AsyncIterator[InferenceClient]:
    """Open a worker for as long as the context lasts; it may still be warming up.

    ``on_death`` is called when a worker of the bot's own has died (it is started again). Raises ``OperatorError``
    when that can't run at all.
    """
    if settings.inference_url is not None:
        async with InferenceClient(url=str(settings.inference_url)) as client:
            yield client
        return
    async with embedded_worker(on_death=on_death) as socket, InferenceClient(socket=socket) as client:
        yield client
