"""The bot on a loopback Discord: the whole bot in this process, with a worker that paints instead of a model."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from bot.adapters.discord import DiscordAdapter
from bot.assembly import Parts, assemble, make_dispatcher, make_pipeline
from bot.fetching import Fetcher
from bot.ledger import open_ledger
from bot.metrics import Metrics
from bot.settings import DiscordSettings, FetchSettings, LimitSettings, Settings
from inference.client import InferenceClient
from tests.bot.adapters.web.painting_worker import PaintingWorker
from tests.platforms.discord import DiscordDouble, File, Interaction, Message

T = TypeVar("T")


class Seat:
    """A running bot."""

    def __init__(self, parts: Parts, adapter: DiscordAdapter, worker: PaintingWorker) -> None:
        self.parts = parts
        self.adapter = adapter
        self.worker = worker
        self.announced: list[str] = []
        self.tasks: list[asyncio.Task[Any]] = []


@asynccontextmanager
async def seated(
    folder: Path, discord: DiscordDouble, *, limits: LimitSettings | None = None, work: bool = True, **settings: Any
) -> AsyncIterator[Seat]:
    """Run the bot on ``folder`` at the double until the end of the block."""
    everything = Settings(
        data_dir=folder,
        discord=DiscordSettings(
            **{"token": discord.token, "api_url": discord.api_url, "gateway_url": discord.gateway_url, **settings}
        ),
        fetch=FetchSettings(allow_private=(discord.cdn_host,)),
        limits=limits or LimitSettings(),
    )
    async with AsyncExitStack() as stack:
        worker = PaintingWorker(folder / "worker.sock")
        await worker.start()
        stack.push_async_callback(worker.stop)
        client = await stack.enter_async_context(InferenceClient(socket=worker.socket))
        ledger = await stack.enter_async_context(open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}"))
        fetcher = await stack.enter_async_context(Fetcher(everything.fetch))
        parts = assemble(everything, metrics=Metrics(), ledger=ledger, worker=client)
        adapter = DiscordAdapter(parts)
        adapters = {adapter.name: adapter}
        dispatcher = make_dispatcher(parts, make_pipeline(parts, fetcher, adapters))
        await dispatcher.resume(adapters)
        seat = Seat(parts, adapter, worker)
        seat.tasks.append(asyncio.create_task(adapter.run(parts.intake, seat.announced.append)))
        if work:
            seat.tasks.append(asyncio.create_task(dispatcher.run()))
        try:
            yield seat
        finally:
            for task in reversed(seat.tasks):
                task.cancel()
            await dispatcher.stop(grace_seconds=0)
            await asyncio.wait(seat.tasks)


async def until(look: Callable[[], T], what: str = "it", timeout: float = 60.0) -> T:
    """Wait until there is something to see."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not (found := await asyncio.to_thread(look)):
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.02)
    return found


async def answer_to(discord: DiscordDouble, asked: Message | Interaction, timeout: float = 60.0) -> Message:
    """Wait for the bot's only answer, and for whatever else might come."""
    await asyncio.to_thread(discord.wait_for_answer, asked, timeout)
    final = await until(lambda: [m for m in discord.answers_to(asked) if m.components or m.attachments], "an answer")
    return final[0]


async def calmly(work: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wait_for(work, 60)


def photo(size: tuple[int, int] = (64, 48), shade: int = 120) -> bytes:
    data = io.BytesIO()
    Image.new("L", size, shade).save(data, "JPEG")
    return data.getvalue()


def jpg(name: str = "grandma.jpg", **options: Any) -> File:
    return File(name, photo(**options), "image/jpeg")
