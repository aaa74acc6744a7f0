"""Who is let in, over real sockets and real TLS, to a worker that is still loading: whoever hears so was let in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest

import inference.client
from inference.client import AccessRefused, InferenceClient, Refusal
from inference.problems import NotReady
from inference.service_manager import ServiceManager
from inference.settings import UnusableSettings, WorkerSettings
from inference.tls import client_tls
from inference.worker.application import build_application
from inference.worker.listening import listening
from inference.worker.worker import Worker
from tests.certificates import Authority, Party
from tests.inference.running_worker import RunningWorker
from tests.inference.worker.raw_http import raw_connection

TOKEN = "correct horse battery staple".replace(" ", "-")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients on a busy machine wait for a worker's answers."""
    for seconds in ("_CONNECT_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(inference.client, seconds, 60.0)


@dataclass(frozen=True)
class Certificates:
    authority: Authority
    other_authority: Authority
    worker: Party
    bot: Party
    stranger: Party

    def tls(self, party: Party | None = None) -> Any:
        return client_tls(self.authority.ca, party and party.certificate, party and party.key)

    @property
    def server_settings(self) -> dict[str, Path]:
        return {"tls_certificate": self.worker.certificate, "tls_key": self.worker.key}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    ours = Authority(tmp_path_factory.mktemp("ours"))
    other = Authority(tmp_path_factory.mktemp("other"))
    bot, stranger = ours.issue("bot@example.org"), other.issue("bot@example.org")
    return Certificates(ours, other, ours.issue("127.0.0.1"), bot, stranger)


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[str]:
    """Serve a worker that has not loaded yet; yields the last of its addresses."""
    chosen = WorkerSettings(port=0, **settings)
    async with listening(build_application(Worker(chosen, ServiceManager())), chosen) as addresses:
        yield addresses[-1]


# Where it listens


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
async def test_this_machine_needs_no_token(host: str) -> None:
    async with served(host=host) as url, InferenceClient(url) as client:
        with pytest.raises(NotReady):
            await client.model()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
async def test_others_are_not_let_in_unasked(host: str) -> None:
    with pytest.raises(UnusableSettings, match=r"COLORIZEBOT_WORKER_TOKEN.*_TLS_CLIENT_CA.*COLORIZEBOT_WORKER_OPEN"):
        async with served(host=host):
            pass


async def test_others_are_let_in_by_token_by_certificate_or_when_it_is_said(certificates: Certificates) -> None:
    for way in (
        {"token": TOKEN},
        {"open": True},
        {"tls_client_ca": certificates.authority.ca, **certificates.server_settings},
    ):
        async with served(host="0.0.0.0", **way) as url:
            assert "0.0.0.0" in url


async def test_encryption_alone_does_not_say_who_may_come(certificates: Certificates) -> None:
    with pytest.raises(UnusableSettings, match="COLORIZEBOT_WORKER_TOKEN"):
        async with served(host="0.0.0.0", **certificates.server_settings):
            pass


@pytest.mark.parametrize("host", ["no-such-machine.invalid", "a..b", "x" * 70])
async def test_a_host_that_is_none_is_named(host: str) -> None:
    with pytest.raises(UnusableSettings, match=rf"COLORIZEBOT_WORKER_HOST\) can't be “{host}”"):
        async with served(host=host):
            pass


async def test_a_name_that_is_found_only_later_is_not_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")])

    def look_up(host: str | None, *arguments: Any, **more: Any) -> Any:
        if (failure := next(answers, None)) is not None:
            raise failure
        return look_up_address("0.0.0.0", *arguments, **more)

    look_up_address = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(UnusableSettings, match="temporary failure"):
        async with served(host="worker.internal"):
            pass


def test_the_program_says_what_to_set_and_ends(tmp_path: Path) -> None:
    with RunningWorker("--host", "0.0.0.0", "--port", "0", folder=tmp_path) as worker:
        assert worker.wait_end() == 2
        assert "COLORIZEBOT_WORKER_OPEN" in worker.output
        assert "Traceback" not in worker.output


# The token


@pytest.mark.parametrize("token", ["short", "with spaces between its words", "päßwörter-are-not-for-headers"])
async def test_a_token_that_is_guessed_or_cannot_be_sent_is_not_taken_nor_told(token: str) -> None:
    with pytest.raises(UnusableSettings, match="COLORIZEBOT_WORKER_TOKEN") as complaint:
        async with served(token=token):
            pass
    assert token not in str(complaint.value)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer ÿ",
        "Bearer \xff\xfe",
    ],
)
async def test_only_those_who_know_the_token_are_let_in(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with served(token=TOKEN) as url, aiohttp.ClientSession(url, headers=headers) as session:
        for method, path in [("POST", "/v1/recolor"), ("GET", "/v1/model"), ("GET", "/metrics"), ("GET", "/nothing")]:
            async with session.request(method, path) as response:
                assert response.status == HTTPStatus.UNAUTHORIZED
                assert response.headers["WWW-Authenticate"].startswith("Bearer ")
                assert response.content_type == "application/problem+json"
                assert (await response.json(content_type=None))["reason"] == "token_needed"
        for path, status in [("/healthz", HTTPStatus.OK), ("/readyz", HTTPStatus.SERVICE_UNAVAILABLE)]:
            async with session.get(path) as response:
                assert response.status == status


async def test_those_who_know_the_token_are_let_in() -> None:
    async with served(token=TOKEN) as url:
        async with InferenceClient(url, token=TOKEN) as client:
            with pytest.raises(NotReady):
                await client.recolor(b"photo")
        async with aiohttp.ClientSession(url, headers={"Authorization": f"bearer {TOKEN}"}) as session:
            assert (await session.get("/metrics")).status == HTTPStatus.OK


async def test_a_photo_is_turned_away_before_it_is_sent_and_counted() -> None:
    async with served(token=TOKEN) as url:
        async with raw_connection(int(url.rpartition(":")[2])) as stranger:
            await stranger.begin("Content-Length: 5000", "Expect: 100-continue")
            assert (await stranger.response()).status == HTTPStatus.UNAUTHORIZED
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            metrics = await (await session.get("/metrics")).text()
    assert 'outcome="token_needed"} 1.0' in metrics


async def test_a_client_is_told_that_its_token_is_wrong() -> None:
    async with served(token=TOKEN) as url, InferenceClient(url, token="another-token-than-that") as client:
        assert not await client.ready()
        for ask in (client.model, client.check_access, lambda: client.recolor(b"photo")):
            with pytest.raises(AccessRefused) as refused:
                await ask()
            assert refused.value.refusal is Refusal.TOKEN


async def test_a_unix_socket_needs_no_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("w") / "worker.sock"
    settings = WorkerSettings(socket=path, token=TOKEN)
    async with (
        listening(build_application(Worker(settings, ServiceManager())), settings),
        InferenceClient(socket=path) as client,
    ):
        with pytest.raises(NotReady):
            await client.model()


# Those who say nothing


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: worker\r\n\r\n"])
async def test_a_connection_that_falls_silent_is_given_up(said: bytes) -> None:
    async with served(body_timeout_seconds=0.5, token=TOKEN) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(said)
        async with asyncio.timeout(30):
            await reader.read()  # until the worker hangs up
        writer.close()


# Certificates


async def test_certificates_let_in_over_an_encrypted_connection(certificates: Certificates) -> None:
    settings = {"tls_client_ca": certificates.authority.ca, **certificates.server_settings}
    async with served(**settings) as url:
        assert url.startswith("https://")
        async with InferenceClient(url, tls=certificates.tls(certificates.bot)) as client:
            with pytest.raises(NotReady):
                await client.recolor(b"photo")


async def test_without_a_certificate_only_probes_are_answered(certificates: Certificates) -> None:
    settings = {"tls_client_ca": certificates.authority.ca, **certificates.server_settings}
    tls = certificates.tls()
    async with (
        served(**settings) as url,
        InferenceClient(url, tls=tls) as client,
        aiohttp.ClientSession(url) as session,
    ):
        with pytest.raises(AccessRefused) as refused:
            await client.recolor(b"photo")
        assert refused.value.refusal is Refusal.CLIENT_CERTIFICATE
        async with session.get("/v1/model", ssl=tls.context) as response:
            assert response.status == HTTPStatus.FORBIDDEN
        async with session.get("/healthz", ssl=tls.context) as response:
            assert response.status == HTTPStatus.OK


async def test_a_certificate_of_another_authority_is_turned_down_and_told_from_a_dead_worker(
    certificates: Certificates,
) -> None:
    settings = {"tls_client_ca": certificates.authority.ca, **certificates.server_settings}
    tls = certificates.tls(certificates.stranger)
    async with served(**settings) as url, InferenceClient(url, tls=tls) as client:
        for ask in (client.check_access, lambda: client.wait_ready(60)):
            with pytest.raises(AccessRefused) as refused:
                await ask()
            assert refused.value.refusal is Refusal.CLIENT_CERTIFICATE
    async with InferenceClient(url, tls=tls) as client:
        await client.check_access()  # the worker is away: nothing can be told


async def test_a_certificate_is_needed_beside_the_token_where_both_are_set(certificates: Certificates) -> None:
    settings = {"tls_client_ca": certificates.authority.ca, "token": TOKEN, **certificates.server_settings}
    async with served(**settings) as url:
        for party, token, refusal in [
            (None, TOKEN, Refusal.CLIENT_CERTIFICATE),
            (certificates.bot, None, Refusal.TOKEN),
        ]:
            async with InferenceClient(url, tls=certificates.tls(party), token=token) as client:
                with pytest.raises(AccessRefused) as refused:
                    await client.model()
                assert refused.value.refusal is refusal


async def test_a_client_does_not_tell_its_token_to_whom_it_does_not_trust(certificates: Certificates) -> None:
    async with served(token=TOKEN, **certificates.server_settings) as url:
        by_name = url.replace("127.0.0.1", "localhost")
        for address, ca in [(url, certificates.other_authority.ca), (by_name, certificates.authority.ca)]:
            async with InferenceClient(address, token=TOKEN, tls=client_tls(ca, None, None)) as client:
                with pytest.raises(AccessRefused) as refused:
                    await client.wait_ready(60)
                assert refused.value.refusal is Refusal.SERVER_CERTIFICATE


async def test_a_client_that_expects_tls_says_that_there_is_none(certificates: Certificates) -> None:
    async with served() as url, InferenceClient(url.replace("http:", "https:"), tls=certificates.tls()) as client:
        with pytest.raises(AccessRefused) as refused:
            await client.wait_ready(60)
        assert refused.value.refusal is Refusal.TLS


async def test_files_that_cannot_be_used_are_named_with_their_setting(
    certificates: Certificates, tmp_path: Path
) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    worker, bot, missing = certificates.worker, certificates.bot, tmp_path / "missing.pem"
    for settings, complaint in [
        ({"tls_certificate": missing}, r"COLORIZEBOT_WORKER_TLS_CERTIFICATE\).*missing.pem: no such file"),
        ({"tls_certificate": worker.certificate, "tls_key": missing}, r"WORKER_TLS_KEY\).*missing.pem"),
        ({"tls_certificate": worker.certificate, "tls_key": bot.key}, "that of another certificate"),
        ({"tls_certificate": nonsense}, "no certificate in it"),
        ({"tls_certificate": worker.certificate}, "no key in it"),
        ({**certificates.server_settings, "tls_client_ca": nonsense}, r"WORKER_TLS_CLIENT_CA\).*no certificate"),
        ({"tls_client_ca": certificates.authority.ca}, "no use without --tls-certificate"),
        ({"tls_key": worker.key}, "no use without --tls-certificate"),
    ]:
        with pytest.raises(UnusableSettings, match=complaint):
            async with served(**settings):
                pass


# What a worker that somebody has taken over could do to its client


async def test_a_client_follows_nobody_elsewhere() -> None:
    async def send_elsewhere(_request: aiohttp.web.Request) -> aiohttp.web.Response:
        raise aiohttp.web.HTTPTemporaryRedirect("http://169.254.169.254/latest/meta-data")

    application = aiohttp.web.Application()
    application.router.add_route("*", "/{anything:.*}", send_elsewhere)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await aiohttp.web.SockSite(runner, listener).start()
    async with InferenceClient(f"http://127.0.0.1:{listener.getsockname()[1]}", token=TOKEN) as client:
        assert not await client.ready()
        with pytest.raises(Exception, match="no colorizebot worker"):
            await client.recolor(b"photo")
    await runner.cleanup()


async def test_a_client_takes_in_no_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.client.MAX_ANSWER_BYTES", 10)
    async with served() as url, InferenceClient(url) as client:
        with pytest.raises(Exception, match="more than 10 bytes"):
            await client.model()
