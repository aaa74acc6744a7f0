"""Putting the parts of the bot together; who meets whom is said here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import URL

from bot.adapters import Adapter
from bot.archive import Archive
from bot.compare import Comparer
from bot.dispatcher import Dispatcher
from bot.fair_queue import FairQueue
from bot.fetching import Fetcher
from bot.intake import Intake
from bot.ledger import Etiquette, KnownResults, Ledger
from bot.links import Links
from bot.metrics import Metrics
from bot.pipeline import Pipeline
from bot.recolorer import Recolorer
from bot.reloading import CurrentSettings
from bot.settings import Settings
from bot.status import StatusBoard
from bot.storage import Storage
from bot.tracing import NO_TRACING, Tracing
from inference.client import InferenceClient


@dataclass(frozen=True, slots=True)
class Parts:
    """What an adapter may need: the bot but for its adapters, and for what comes after them."""

    current: CurrentSettings
    metrics: Metrics
    ledger: Ledger
    storage: Storage
    worker: InferenceClient
    recolorer: Recolorer
    comparer: Comparer
    archive: Archive
    queue: FairQueue
    board: StatusBoard
    intake: Intake
    etiquette: Etiquette
    links: Links
    tracing: Tracing

    @property
    def settings(self) -> Settings:
        """Return the settings as they are now: what is read of them later may be another."""
        return self.current.now


def assemble(
    settings: Settings,
    *,
    metrics: Metrics,
    ledger: Ledger,
    worker: InferenceClient,
    tracing: Tracing = NO_TRACING,
) -> Parts:
    """Put the parts together around an open ledger and a worker's client."""
    current = CurrentSettings(settings)
    storage = Storage(settings.data_dir / "requests")
    queue = FairQueue(settings.limits.queue_size)
    metrics.observe_queue(lambda: len(queue), settings.limits.queue_size)
    board = StatusBoard(ledger, queue)
    recolorer = Recolorer(worker, patience_seconds=settings.limits.worker_patience_seconds)
    known_results = KnownResults(ledger.engine, timedelta(hours=settings.limits.reuse_hours))
    return Parts(
        current=current,
        metrics=metrics,
        ledger=ledger,
        storage=storage,
        worker=worker,
        recolorer=recolorer,
        comparer=Comparer(storage, recolorer),
        archive=Archive(known_results, storage, worker),
        queue=queue,
        board=board,
        intake=Intake(ledger, storage, queue, board, lambda: current.now.limits, metrics),
        etiquette=Etiquette(ledger.engine),
        links=Links(settings.web.public_url),
        tracing=tracing,
    )


def make_pipeline(parts: Parts, fetcher: Fetcher, adapters: Mapping[str, Adapter]) -> Pipeline:
    """Put the pipeline together that fetches and answers through these."""
    return Pipeline(
        ledger=parts.ledger,
        storage=parts.storage,
        fetcher=fetcher,
        recolorer=parts.recolorer,
        archive=parts.archive,
        adapters=adapters,
        board=parts.board,
        metrics=parts.metrics,
        tracing=parts.tracing,
    )


def make_dispatcher(parts: Parts, pipeline: Pipeline) -> Dispatcher:
    """Put together who feeds the pipeline."""
    return Dispatcher(
        pipeline=pipeline,
        ledger=parts.ledger,
        queue=parts.queue,
        board=parts.board,
        metrics=parts.metrics,
        parallel=parts.settings.limits.parallel,
    )


def database_url(settings: Settings) -> str | URL:
    """Return where the ledger is."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return URL.create("sqlite", database=str(settings.data_dir.absolute() / "colorizebot.sqlite3"))
