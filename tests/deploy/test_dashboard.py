"""The dashboard and the alerts against the metrics that there are: of a real bot, a real worker, a real Prometheus."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.metrics_table import GUIDE, table, table_in
from tests.deploy.promtool import PROMETHEUS, ROOT, check_expressions, metrics_in
from tests.deploy.watched_bot import Prometheus, Watched, running_prometheus, watched_bot
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import wait_for

GRAFANA = ROOT / "deploy" / "grafana"
PROMETHEUS_OWN = {"up", "ALERTS"}
PROMETHEUS_LABELS = {"job", "instance", "alertstate", "alertname"}
LAGS = "colorizebot_event_loop_lag_seconds_bucket"
WAS_BLOCKED = f'sum(increase({LAGS}{{le="+Inf"}}[10m])) - sum(increase({LAGS}{{le="0.5"}}[10m])) > 0'
UNFOUNDED = f'ALERTS unless (ALERTS{{alertname="EventLoopBlocked"}} and on () ({WAS_BLOCKED}))'
"""A busy machine does hold the bot up now and then, and the alert that says so has to stay for minutes."""
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$platform": ".+"}

Panel = dict[str, Any]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_bot(tmp_path_factory.mktemp("watched")) as running:
        yield running


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "colorizebot.json").read_text())
    return document


def panels() -> list[Panel]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Return what is asked of Prometheus by the dashboard and the alerts, by who asks."""
    asked = {
        f"{panel['title']} ({panel['id']}) {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel["targets"]
    }
    asked |= {each["name"]: each["expr"] for each in dashboard()["annotations"]["list"] if "expr" in each}
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    asked |= {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    for variable, value in VARIABLES.items():
        asked = {name: each.replace(variable, value) for name, each in asked.items()}
    assert not [each for each in asked.values() if "$" in each], "an unknown variable"
    return asked


def exposed(*texts: str) -> dict[str, set[str]]:
    """Return every metric that is told of, as Prometheus names it, with the labels seen."""
    found: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        for family in text_string_to_metric_families(text):
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            for suffix in suffixes:
                found[family.name + suffix] |= set()
            for sample in family.samples:
                found[sample.name] |= set(sample.labels)
    return found


def test_every_expression_is_promql(tmp_path: Path) -> None:
    check_expressions(tmp_path, expressions())


def test_everything_that_is_asked_for_is_told_by_a_running_bot_and_worker(watched: Watched) -> None:
    told = exposed(watched.metrics_of_bot(), watched.metrics_of_worker())
    for name, expression in expressions().items():
        for metric, labels in metrics_in(expression).items():
            if metric in PROMETHEUS_OWN:
                continue
            assert metric in told, f"{name}: nobody tells {metric}"
            unknown = labels - told[metric] - PROMETHEUS_LABELS
            assert not unknown or not told[metric], f"{name}: {metric} has no labels {unknown}"


def test_whatever_the_legends_name_comes_with_the_answer(watched: Watched) -> None:
    told = exposed(watched.metrics_of_bot(), watched.metrics_of_worker())
    known = set().union(*told.values()) | PROMETHEUS_LABELS | {"stage", "why", "reason", "kind"}
    for panel in panels():
        for target in panel["targets"]:
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= known, panel["title"]


def moment_when_all_is_well(prometheus: Prometheus) -> float | None:
    """Return a moment just past: a bot that was held up while Prometheus looked counts as down until the next look."""
    at = time.time() - 2  # by now Prometheus knows all of it
    counters = ("colorizebot_requests_finished_total", "colorizebot_worker_requests_total")
    seen = all(prometheus.ask(f"sum(increase({counter}[1m])) > 0", at) for counter in counters)
    up = prometheus.ask("min(up) + min(colorizebot_inference_ready) + min(colorizebot_ledger_up) == 3", at)
    return at if seen and up and not prometheus.ask(UNFOUNDED, at) else None


def test_prometheus_collects_and_judges_and_the_panels_have_something_to_show(watched: Watched, tmp_path: Path) -> None:
    with running_prometheus(tmp_path / "prometheus", watched) as prometheus:
        wait_for(lambda: set(prometheus.targets().values()) == {"up"}, "Prometheus to reach both")
        assert set(prometheus.targets()) == {"colorizebot", "colorizebot-worker"}
        wait_for(lambda: set(prometheus.rules().values()) == {"ok"}, "every rule to be judged")
        wait_for(lambda: len(prometheus.ask("count_over_time(up[1m]) > 2")) == 2, "a few looks")
        watched.bot.until(watched.bot.post(gray_photo(96, 64)), "answered")
        at = wait_for(partial(moment_when_all_is_well, prometheus), "the photo to be seen, and all to be well")
        shown = {name: prometheus.ask(each, at) for name, each in expressions().items()}
    for title in ("Bot", "Worker", "Ledger"):
        [sample] = next(samples for name, samples in shown.items() if name.startswith(f"{title} ("))
        assert sample["value"][1] == "1", title
    titles = {panel["title"]: panel["id"] for panel in panels()}
    waiting = {title for title, number in titles.items() if not shown[f"{title} ({number}) A"]}
    # Nothing of the kind has happened, and there is no GPU.
    assert waiting <= {"Attempts that will be repeated", "Refusals", "Out of memory", "GPU memory"}


def test_the_dashboard_hangs_together() -> None:
    document = dashboard()
    assert document["uid"] == "colorizebot"
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
    for panel in panels():
        assert panel["title"], panel["id"]
        assert panel["description"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    heights: dict[int, int] = {}
    for _, y in taken:
        heights[y] = heights.get(y, 0) + 1
    assert set(heights.values()) == {24}, "every line is full"


def test_grafana_is_told_where_to_find_what() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    [variable] = [each for each in dashboard()["templating"]["list"] if each["name"] == "datasource"]
    assert variable["current"]["value"] == sources[0]["uid"]
    assert sources[0]["url"] == "http://prometheus:9090"
    [provider] = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "colorizebot.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_the_guide_lists_every_metric_and_no_other(watched: Watched) -> None:
    told = table(watched.metrics_of_bot(), watched.metrics_of_worker())
    assert table_in(GUIDE.read_text()) == told, "python -m tests.deploy.metrics_table writes it anew"
