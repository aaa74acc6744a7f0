"""What operators see of the page: its health, its numbers, and what is wrong with its settings."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.web.examination import examine
from bot.problems import OperatorError
from bot.settings import Settings, WebSettings
from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor


async def test_health_tells_whether_the_worker_is_ready(site: Site, program: Visitor) -> None:
    assert (await program.get("/healthz")).json == {"status": "ok", "worker": "ready"}
    site.worker.ready = False
    assert (await program.get("/healthz")).json == {"status": "ok", "worker": "warming_up"}


async def test_metrics_are_prometheus_text(site: Site, program: Visitor) -> None:
    site.work()
    await program.finished(await program.sent())
    told = await program.get("/metrics")
    assert told.headers["Content-Type"].startswith("text/plain; version=")
    assert b'colorizebot_requests_taken_total{platform="web"} 1.0' in told.body


async def test_a_port_that_is_taken_names_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=r"COLORIZEBOT_WEB__PORT"):
            async with open_site(tmp_path, web=WebSettings(port=port)):
                pass


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
async def test_an_address_that_this_machine_has_not_names_its_setting(tmp_path: Path, host: str) -> None:
    with pytest.raises(OperatorError, match=r"COLORIZEBOT_WEB__HOST"):
        async with open_site(tmp_path, web=WebSettings(host=host, port=0)):
            pass


async def test_a_port_that_only_root_may_take_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    [finding] = await examine(Settings(web=WebSettings(port=80)))
    assert finding.next_step == "set COLORIZEBOT_WEB__PORT"


async def test_listening_to_everybody_announces_an_address_that_works(tmp_path: Path) -> None:
    async with open_site(tmp_path, web=WebSettings(host="0.0.0.0", port=0)) as site:
        assert site.url.startswith("http://127.0.0.1:")
        async with aiohttp.ClientSession(site.url) as session:
            assert (await Visitor(session).get("/healthz")).status == 200
