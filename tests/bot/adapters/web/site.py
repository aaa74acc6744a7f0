"""The bot with its page on a real port, and a worker without a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.web import WebAdapter
from bot.assembly import Parts, assemble, make_dispatcher, make_pipeline
from bot.dispatcher import Dispatcher
from bot.fetching import Fetcher
from bot.lease import keep_lease
from bot.ledger import open_ledger
from bot.metrics import Metrics
from bot.settings import LimitSettings, Settings, WebSettings
from inference.client import InferenceClient
from tests.bot.adapters.web.painting_worker import PaintingWorker


class Site:
    """A running bot; requests stay in the queue until ``work`` is called."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher, worker: PaintingWorker) -> None:
        self.url = ""
        self.parts = parts
        self.worker = worker
        self._dispatcher = dispatcher
        self._tasks: list[asyncio.Task[Any]] = []

    def work(self) -> None:
        self._begin(keep_lease(self.parts.ledger, self._dispatcher, ["web"]))
        self._begin(self._dispatcher.run())

    async def start(self, adapter: WebAdapter) -> None:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = self._begin(adapter.run(self.parts.intake, address.set_result))
        await asyncio.wait([address, serving], return_when=asyncio.FIRST_COMPLETED)
        self.url = address.result() if address.done() else await serving

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._dispatcher.stop(grace_seconds=0)

    def folders(self) -> list[str]:
        """The ids under which there are photos on the disk."""
        root = self.parts.settings.data_dir / "requests"
        return sorted(folder.name for folder in root.iterdir()) if root.is_dir() else []

    def _begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        self._tasks.append(asyncio.create_task(work))
        return self._tasks[-1]


@asynccontextmanager
async def open_site(
    folder: Path,
    *,
    limits: LimitSettings | None = None,
    web: WebSettings | None = None,
    database_url: str | None = None,
    lease_seconds: float = 30.0,
) -> AsyncIterator[Site]:
    """Open the bot on ``folder`` and any free port."""
    settings = Settings(data_dir=folder, web=web or WebSettings(port=0), limits=limits or LimitSettings())
    async with AsyncExitStack() as stack:
        worker = PaintingWorker(folder / "worker.sock")
        await worker.start()
        stack.push_async_callback(worker.stop)
        client = await stack.enter_async_context(InferenceClient(socket=worker.socket))
        url, lease = database_url or f"sqlite:///{folder / 'ledger.sqlite3'}", timedelta(seconds=lease_seconds)
        ledger = await stack.enter_async_context(open_ledger(url, lease=lease))
        await ledger.roster.join()
        fetcher = await stack.enter_async_context(Fetcher(settings.fetch))
        parts = assemble(settings, metrics=Metrics(), ledger=ledger, worker=client)
        adapter = WebAdapter(parts)
        site = Site(parts, make_dispatcher(parts, make_pipeline(parts, fetcher, {adapter.name: adapter})), worker)
        stack.push_async_callback(site.stop)
        await site.start(adapter)
        yield site
