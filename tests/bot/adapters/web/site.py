"""The bot with its page on a real port, and a worker without a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.web import WebAdapter
from bot.assembly import Parts, assemble, make_dispatcher, make_pipeline
from bot.fetching import Fetcher
from bot.ledger import open_ledger
from bot.metrics import Metrics
from bot.settings import Settings, WebSettings
from inference.client import InferenceClient
from tests.bot.adapters.web.painting_worker import PaintingWorker


@dataclass
class Site:
    """A running bot; requests stay in the queue until ``work`` is called."""

    url: str
    parts: Parts
    worker: PaintingWorker
    _dispatcher_run: list[asyncio.Task[None]]
    _start: object

    def work(self) -> None:
        self._start()  # type: ignore[operator]


@asynccontextmanager
async def open_site(folder: Path, settings: Settings | None = None) -> AsyncIterator[Site]:
    settings = settings or Settings(web=WebSettings(port=0))
    settings = settings.model_copy(update={"data_dir": folder})
    async with AsyncExitStack() as stack:
        worker = PaintingWorker(folder / "worker.sock")
        await worker.start()
        stack.push_async_callback(worker.stop)
        client = await stack.enter_async_context(InferenceClient(socket=worker.socket))
        ledger = await stack.enter_async_context(open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}"))
        fetcher = await stack.enter_async_context(Fetcher(settings.fetch))
        parts = assemble(settings, metrics=Metrics(), ledger=ledger, worker=client)
        adapter = WebAdapter(parts)
        dispatcher = make_dispatcher(parts, make_pipeline(parts, fetcher, {adapter.name: adapter}))
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(adapter.run(parts.intake, address.set_result))]
        try:
            done, _ = await asyncio.wait([address, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            yield Site(
                url=address.result(),
                parts=parts,
                worker=worker,
                _dispatcher_run=tasks,
                _start=lambda: tasks.append(asyncio.create_task(dispatcher.run())),
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await dispatcher.stop(grace_seconds=0)
