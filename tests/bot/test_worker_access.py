"""A worker and a bot that don't trust each other: what operators are told, and that no request suffers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import HttpUrl
from rich.console import Console

from bot import recolorer as recolorer_module
from bot.commands.overview import print_overview
from bot.logs import secrets_of
from bot.problems import OperatorError
from bot.recolorer import Recolorer
from bot.settings import Settings
from bot.worker import open_worker
from inference.client import InferenceClient
from inference.problems import TokenNeeded
from inference.service_manager import ServiceManager
from inference.settings import WorkerSettings
from inference.vocabulary import RecolorOptions
from inference.worker.application import build_application
from inference.worker.listening import listening
from inference.worker.worker import Worker
from tests.bot.stand_ins import StandInWorker, problem
from tests.certificates import Authority

TOKEN = "a-token-that-nobody-guesses"


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[str]:
    chosen = WorkerSettings(port=0, **settings)
    async with listening(build_application(Worker(chosen, ServiceManager())), chosen) as addresses:
        yield addresses[0]


async def open_and_close(**settings: Any) -> None:
    async with open_worker(Settings(**settings), on_death=lambda: None):
        pass


def test_the_password_of_a_proxy_before_the_worker_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_overview(Settings(inference_url=HttpUrl("http://bot:hush@gpu-box:8090")), Console(markup=False))
    shown = capsys.readouterr().out
    assert "http://gpu-box:8090" in shown
    assert "hush" not in shown


@pytest.mark.parametrize("token", [None, "another-token-than-that"])
async def test_a_bot_without_the_right_token_does_not_start(token: str | None) -> None:
    async with served(token=TOKEN) as url:
        with pytest.raises(
            OperatorError, match=r"COLORIZEBOT_INFERENCE_TOKEN to the worker's COLORIZEBOT_WORKER_TOKEN"
        ):
            await open_and_close(inference_url=url, inference_token=token)


async def test_a_bot_with_the_right_token_starts() -> None:
    async with served(token=TOKEN) as url:
        await open_and_close(inference_url=url, inference_token=TOKEN)


async def test_a_bot_starts_while_its_worker_is_away() -> None:
    async with served(token=TOKEN) as url:
        pass
    await open_and_close(inference_url=url, inference_token="whatever-it-may-be")


async def test_a_bot_that_cannot_trust_the_worker_or_is_not_trusted_says_which_setting(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    worker, bot, stranger = ours.issue("127.0.0.1"), ours.issue("bot@example.org"), other.issue("bot@example.org")
    files = {"tls_certificate": worker.certificate, "tls_key": worker.key, "tls_client_ca": ours.ca}
    trusted = {"inference_tls_ca": ours.ca}
    async with served(**files) as url:
        for settings, named in [
            ({}, "COLORIZEBOT_INFERENCE_TLS_CA"),
            (trusted, "COLORIZEBOT_INFERENCE_TLS_CERTIFICATE"),
            (
                {
                    "inference_tls_certificate": stranger.certificate,
                    "inference_tls_key": stranger.key,
                    **trusted,
                },
                "COLORIZEBOT_WORKER_TLS_CLIENT_CA",
            ),
        ]:
            with pytest.raises(OperatorError, match=named):
                await open_and_close(inference_url=url, **settings)
        await open_and_close(
            inference_url=url, inference_tls_certificate=bot.certificate, inference_tls_key=bot.key, **trusted
        )
    async with served() as url:
        with pytest.raises(OperatorError, match="COLORIZEBOT_WORKER_TLS_CERTIFICATE"):
            await open_and_close(inference_url=url.replace("http:", "https:"), **trusted)


async def test_files_that_cannot_be_used_are_named_with_their_setting(tmp_path: Path) -> None:
    party = Authority(tmp_path / "ours").issue("bot@example.org")
    missing, certificate = tmp_path / "missing.pem", party.certificate
    for settings, complaint in [
        ({"inference_tls_ca": missing}, r"_TLS_CA can't be .*missing.pem: no such file"),
        ({"inference_tls_certificate": certificate, "inference_tls_key": missing}, r"_TLS_KEY can't be .*missing.pem"),
        ({"inference_tls_certificate": certificate}, "_TLS_CERTIFICATE can't be .*no key in it"),
        ({"inference_tls_key": party.key}, "no use without COLORIZEBOT_INFERENCE_TLS_CERTIFICATE"),
    ]:
        with pytest.raises(OperatorError, match=complaint):
            await open_and_close(inference_url="https://127.0.0.1:9", **settings)
    with pytest.raises(OperatorError, match="COLORIZEBOT_INFERENCE_URL begins with https"):
        await open_and_close(inference_url="http://127.0.0.1:9", inference_tls_ca=tmp_path / "ours" / "ca.pem")


def test_the_token_is_among_what_is_cut_out_of_the_log() -> None:
    assert TOKEN in secrets_of(Settings(inference_token=TOKEN))


class _GuardedWorker(StandInWorker):
    """One that doesn't know its clients until it is told to."""

    knows_us = False

    async def _recolor(self, request: web.Request) -> web.StreamResponse:
        return await super()._recolor(request) if self.knows_us else problem(TokenNeeded())


async def test_photos_wait_longer_than_anybody_would_until_the_operator_has_put_it_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recolorer_module, "_ACCESS_PAUSE_SECONDS", 0.02)
    worker, waits = _GuardedWorker(tmp_path / "worker.sock"), []
    await worker.start()
    async with InferenceClient(socket=worker.socket) as client:
        recolorer = Recolorer(client, patience_seconds=0.1)
        photos = [
            asyncio.create_task(recolorer.recolor(photo, RecolorOptions(), on_wait=waits.append))
            for photo in (b"one", b"two")
        ]
        await asyncio.sleep(0.5)
        async with asyncio.timeout(30):
            while waits.count(True) <= 2:
                await asyncio.sleep(0.01)
        assert not any(photo.done() for photo in photos)
        worker.knows_us = True
        assert [(await photo).data for photo in photos] == [b"recolored one", b"recolored two"]
    await worker.stop()
    [said] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "COLORIZEBOT_INFERENCE_TOKEN" in said.getMessage()
