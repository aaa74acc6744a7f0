"""A bot, its worker and Prometheus as operators run them: real processes, with one photo answered and one refused."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.promtool import PROMETHEUS, tool
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.reddit.stage import settings_for
from tests.end_to_end.running_bot import RunningBot, running_bot, wait_for
from tests.inference.running_worker import RunningWorker
from tests.platforms.reddit import RedditDouble
from tests.ports import free_port

TOKEN = "a-token-for-the-worker-of-the-test"


@dataclass
class Watched:
    """What the tests look at."""

    bot: RunningBot
    worker: RunningWorker

    def metrics_of_bot(self) -> str:
        return self.bot.get("/metrics").decode()

    def metrics_of_worker(self) -> str:
        request = urllib.request.Request(f"{self.worker.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())


@contextmanager
def watched_bot(folder: Path) -> Iterator[Watched]:
    """Run a bot on Reddit and the web with a worker that wants a token, and let them work a little."""
    home = folder / "worker"
    home.mkdir()
    (home / ".env").write_text(f"COLORIZEBOT_WORKER_TOKEN={TOKEN}\n")
    with RedditDouble() as reddit, RunningWorker("--port", "0", "--device", "cpu", folder=home) as worker:
        reddit.world.subreddit("pics")
        settings = settings_for(reddit, worker.wait_ready().url, INFERENCE_TOKEN=TOKEN)
        with running_bot(folder, **settings) as bot:
            bot.until(bot.post(gray_photo(64, 48)), "answered")
            bot.until(bot.post(b"no photo"), "refused")
            wait_for(lambda: 'stream="comments"' in bot.get("/metrics").decode(), "the comments to be heard")
            yield Watched(bot, worker)


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return the samples of an expression at a moment, or now."""
        moment = {} if at is None else {"time": f"{at:.3f}"}
        found: list[dict[str, Any]] = self._get("query", query=expression, **moment)["result"]
        return found

    def targets(self) -> dict[str, str]:
        """Return the health of each job's target."""
        return {each["labels"]["job"]: each["health"] for each in self._get("targets")["activeTargets"]}

    def rules(self) -> dict[str, str]:
        """Return the health of each rule."""
        return {rule["name"]: rule["health"] for group in self._get("rules")["groups"] for rule in group["rules"]}

    def _get(self, what: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            document = json.load(answer)
        assert document["status"] == "success", document
        return document["data"]


@contextmanager
def running_prometheus(folder: Path, watched: Watched) -> Iterator[Prometheus]:
    """Run Prometheus with the settings in ``deploy``, but for the addresses, and looking every second."""
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    settings["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    addresses = {"colorizebot": watched.bot.url, "colorizebot-worker": watched.worker.url}
    for job in settings["scrape_configs"]:
        job["static_configs"] = [{"targets": [addresses[job["job_name"]].removeprefix("http://")]}]
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    (folder / "alerts.yml").write_text((PROMETHEUS / "alerts.yml").read_text())
    (folder / "worker-token").write_text(TOKEN)
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                tool("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        prometheus = Prometheus(f"http://{address}")
        wait_for(lambda: _is_ready(prometheus), "Prometheus")
        yield prometheus
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{prometheus.url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        time.sleep(0.1)
        return False
