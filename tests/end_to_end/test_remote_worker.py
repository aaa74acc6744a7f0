"""A bot and a worker that know each other by certificates and a token, and what happens when the token changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot, call_bot, running_bot
from tests.inference.running_worker import RunningWorker
from tests.ports import free_port

TOKEN, NEW_TOKEN = "the-token-of-this-week", "the-token-of-next-week"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@pytest.fixture
def start_worker(tmp_path: Path, authority: Authority) -> Callable[[str], RunningWorker]:
    port, party = free_port(), authority.issue("127.0.0.1")

    def start(token: str) -> RunningWorker:
        (tmp_path / "colorizebot.toml").write_text(f'[worker]\ntoken = "{token}"\n')
        return RunningWorker(
            *("--host", "0.0.0.0", "--port", str(port), "--device", "cpu"),
            *("--tls-certificate", party.certificate, "--tls-key", party.key, "--tls-client-ca", authority.ca),
            folder=tmp_path,
        )

    return start


def settings(worker: RunningWorker, authority: Authority, token: str) -> dict[str, str]:
    bot = authority.issue("bot@example.org")
    return {
        "COLORIZEBOT_INFERENCE_URL": f"https://127.0.0.1:{worker.port}",
        "COLORIZEBOT_INFERENCE_TOKEN": token,
        "COLORIZEBOT_INFERENCE_TLS_CA": str(authority.ca),
        "COLORIZEBOT_INFERENCE_TLS_CERTIFICATE": str(bot.certificate),
        "COLORIZEBOT_INFERENCE_TLS_KEY": str(bot.key),
    }


def answered(bot: RunningBot, request_id: str) -> None:
    assert bot.until(request_id, "answered", "refused")["state"] == "answered"


def test_requests_outlive_a_change_of_tokens(
    tmp_path: Path, authority: Authority, start_worker: Callable[[str], RunningWorker]
) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    with start_worker(TOKEN) as worker:
        known = settings(worker.wait_ready(), authority, TOKEN)
        impatient = {"COLORIZEBOT_LIMITS__WORKER_PATIENCE_SECONDS": "1", "COLORIZEBOT_LIMITS__DRAIN_SECONDS": "0"}
        with running_bot(folder, **known, **impatient) as bot:
            answered(bot, bot.post(gray_photo(200, 150, seed=1)))

            worker.terminate()
            assert worker.wait_end() == 0
            with start_worker(NEW_TOKEN) as renewed:
                renewed.wait_ready()
                waiting = bot.post(gray_photo(200, 150, seed=2))
                bot.until_logged("COLORIZEBOT_INFERENCE_TOKEN to the worker's COLORIZEBOT_WORKER_TOKEN")
                assert bot.status(waiting)["state"] in ("queued", "working")
                assert bot.stop() == 0

                refused = call_bot(folder, **known)
                assert refused.returncode == 2
                assert "COLORIZEBOT_INFERENCE_TOKEN" in refused.stderr
                assert "Traceback" not in refused.stderr

                with running_bot(folder, **{**known, "COLORIZEBOT_INFERENCE_TOKEN": NEW_TOKEN}) as again:
                    answered(again, waiting)
                assert TOKEN not in renewed.output
    log = (folder / "bot.log").read_text()
    assert TOKEN not in log
    assert NEW_TOKEN not in log
