"""``python -m bot``: everything that is configured, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial

from rich.console import Console

from bot.assembly import Parts, assemble, database_url, make_dispatcher, make_pipeline
from bot.commands.overview import print_overview
from bot.configuration import renamed_settings, unknown_settings
from bot.data_folder import hold_data_folder
from bot.dispatcher import Dispatcher
from bot.fetching import Fetcher
from bot.heartbeat import watch
from bot.lease import keep_lease, leave
from bot.ledger import Retention, open_ledger
from bot.ledger.engine import is_shared
from bot.metrics import Metrics
from bot.platforms import PLATFORMS, make_adapters
from bot.problems import ungrouped
from bot.retention import Forgetting
from bot.settings import Settings
from bot.signals import at_hangup, until_told_to_stop
from bot.supervision import keep_running
from bot.tracing import open_tracing
from bot.worker import open_worker
from inference.service_manager import ServiceManager

_log = logging.getLogger(__name__)

_PAGE = "web"
"""The platform that is always on, and depends on nobody."""


async def serve(settings: Settings, console: Console) -> None:
    """Run the bot until SIGTERM or SIGINT; SIGHUP makes it read its settings again. Raises ``OperatorError``."""
    for sentence in (*unknown_settings(), *renamed_settings()):
        _log.warning("%s", sentence)
    metrics = Metrics()
    contact = None if settings.web.public_url is None else str(settings.web.public_url)
    manager = ServiceManager()
    with (
        until_told_to_stop(manager.stopping),
        hold_data_folder(settings.data_dir, shared=is_shared(database_url(settings))),
        open_tracing(settings.tracing) as tracing,
    ):
        async with (
            manager.watched(),
            open_ledger(database_url(settings), lease=timedelta(seconds=settings.lease_seconds)) as ledger,
            Fetcher(settings.fetch, contact=contact) as fetcher,
            open_worker(settings, on_death=metrics.worker_restarted) as worker,
        ):
            print_overview(settings, console)
            parts = assemble(settings, metrics=metrics, ledger=ledger, worker=worker, tracing=tracing)
            with at_hangup(parts.current.reload):
                await _run(parts, fetcher, console, manager)


async def _run(parts: Parts, fetcher: Fetcher, console: Console, manager: ServiceManager) -> None:
    adapters = make_adapters(parts)
    parts.metrics.expect(adapters)
    on_end = parts.metrics.adapter_ended
    announce = partial(_announce, console, manager)
    dispatcher = make_dispatcher(parts, make_pipeline(parts, fetcher, adapters))
    await _sweep(parts)
    await dispatcher.resume(adapters)
    with ungrouped():
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(watch(parts.metrics, parts.worker, parts.ledger.engine))
            forgetting = tasks.create_task(_forgetting(parts).run())
            listening = [
                tasks.create_task(keep_running(adapter, parts.intake, partial(announce, adapter.name), on_end=on_end))
                for adapter in adapters.values()
            ]
            sharing = [tasks.create_task(keep_lease(parts.ledger, dispatcher, adapters))]
            if parts.ledger.roster.shared:
                sharing.append(tasks.create_task(parts.board.follow_others()))
            working = tasks.create_task(_work(dispatcher, parts))
            try:
                await asyncio.Event().wait()
            finally:
                # Adapters go on while what is in work finishes: it is delivered by them, and people may be watching.
                parts.intake.close()
                working.cancel()
                await dispatcher.stop(grace_seconds=parts.settings.limits.drain_seconds)
                await leave(parts.ledger)
                for task in (*listening, *sharing, beating, forgetting):
                    task.cancel()


async def _work(dispatcher: Dispatcher, parts: Parts) -> None:
    await parts.links.known.wait()  # answers elsewhere point to the page
    await dispatcher.run()


def _forgetting(parts: Parts) -> Forgetting:
    platforms = [platform.name for platform in PLATFORMS]  # those that are off now, too
    return Forgetting(Retention(parts.ledger.engine), parts.storage, lambda: parts.settings.retention, platforms)


async def _sweep(parts: Parts) -> None:
    kept, deleted = await parts.ledger.ids(deleted=False), await parts.ledger.ids(deleted=True)
    # On a shared ledger, a photo without a request may be on its way into another bot.
    untouched_for = timedelta(hours=1) if parts.ledger.roster.shared else timedelta(0)
    if swept := await parts.storage.sweep(kept=kept, deleted=deleted, untouched_for=untouched_for):
        _log.info("removed what a crash left behind: folders=%d", swept)


def _announce(console: Console, manager: ServiceManager, platform: str, where: str) -> None:
    if platform == _PAGE:
        # Other platforms may be away for hours, which is no reason not to be ready.
        manager.ready(f"the page is at {where}")
    console.print(f"{platform}: {where}", style="bold", highlight=False, soft_wrap=True)
