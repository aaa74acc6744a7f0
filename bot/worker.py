"""Finding a worker: the one that the settings name, or one of the bot's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.embedded_worker import embedded_worker
from bot.problems import OperatorError
from bot.settings import Settings
from bot.worker_access import complaint, tls_of
from inference.client import AccessRefused, InferenceClient

_LOOK_SECONDS = 5.0


@asynccontextmanager
async def open_worker(settings: Settings, *, on_death: Callable[[], None]) -> AsyncIterator[InferenceClient]:
    """Open a worker for as long as the context lasts; it may still be warming up.

    ``on_death`` is called when a worker of the bot's own has died (it is started again). Raises ``OperatorError``
    when that can't run at all, and when another one is there and does not trust the bot, or the bot not it.
    """
    if settings.inference_url is not None:
        token = settings.inference_token
        async with InferenceClient(
            url=str(settings.inference_url),
            token=None if token is None else token.get_secret_value(),
            tls=tls_of(settings),
        ) as client:
            await _check_access(client)
            yield client
        return
    async with embedded_worker(on_death=on_death) as socket, InferenceClient(socket=socket) as client:
        yield client


async def _check_access(client: InferenceClient) -> None:
    """Find out now, rather than over the first photo; a worker that is away may come later, and is asked then."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await client.check_access()
    except AccessRefused as refused:
        raise OperatorError(complaint(refused)) from None
    except TimeoutError:
        pass
