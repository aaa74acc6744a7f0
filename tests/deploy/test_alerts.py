"""The alerts and Prometheus' settings, by Prometheus' own judgement."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics as BotMetrics
from inference.worker.metrics import Metrics as WorkerMetrics
from tests.deploy.promtool import PROMETHEUS, ROOT, metrics_in, promtool

_INCREASE = re.compile(r'increase\((\w+)({(\w+)=~?"([^"]+)"})?')


@pytest.fixture(scope="module")
def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    return {rule["alert"]: rule for rule in rules}


def test_prometheus_takes_its_settings_and_the_rules(tmp_path: Path) -> None:
    for file in PROMETHEUS.iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "worker-token").write_text("a token that the operator puts there")
    said = promtool("check", "config", tmp_path / "prometheus.yml")
    assert "1 rule files found" in said
    promtool("check", "rules", PROMETHEUS / "alerts.yml")


def test_the_alerts_fire_when_they_have_to_and_only_then() -> None:
    promtool("test", "rules", PROMETHEUS / "alerts.test.yml")


def test_every_alert_is_tested_both_ways(alerts: dict[str, dict[str, Any]]) -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"]
    looks = [look for test in tests for look in test["alert_rule_test"]]
    firing = {look["alertname"] for look in looks if look.get("exp_alerts")}
    quiet = {look["alertname"] for look in looks if not look.get("exp_alerts")}
    assert firing == quiet == set(alerts)


def test_whatever_an_alert_counts_is_told_from_zero_on(alerts: dict[str, dict[str, Any]]) -> None:
    """Prometheus sees no increase in a series whose first sample is already above zero."""
    of_bot, of_worker = BotMetrics(), WorkerMetrics()
    of_bot.expect(["reddit"])
    text = generate_latest(of_bot.registry).decode() + of_worker.render().decode()
    told = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    for name, alert in alerts.items():
        for counter, _, label, values in _INCREASE.findall(alert["expr"]):
            for value in values.split("|"):
                zeroes = [each for each in told if each.name == counter and each.labels.get(label, "") == value]
                assert zeroes, f"{name}: {counter} begins without {value or 'any sample'}"


def test_every_alert_says_how_urgent_it_is_and_where_its_chapter_is(alerts: dict[str, dict[str, Any]]) -> None:
    guide = ROOT / "deploy" / "docs" / "watching.md"
    anchors = {match.lower() for match in re.findall(r"^#+ (\w+)$", guide.read_text(), re.MULTILINE)}
    for name, alert in alerts.items():
        assert alert["labels"]["severity"] in ("page", "ticket"), name
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}, name
        page, anchor = alert["annotations"]["runbook"].split("#")
        assert ROOT / page == guide
        assert anchor in anchors, f"{name}: {guide.name} has no chapter {anchor}"


def test_the_alerts_that_operators_need_most_are_there(alerts: dict[str, dict[str, Any]]) -> None:
    needed = {"StreamStalled", "WorkerDown", "QueueGrowing", "ErrorRate", "AnswersSlow", "LedgerUnreachable"}
    assert needed <= set(alerts)
    assert Counter(alerts[name]["labels"]["severity"] for name in needed)["page"] >= 4


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        (
            'sum by (job) (rate(a_total{b="c", d=~"e|f"}[5m])) / on (job) group_left (g) h > 0.5',
            {"a_total": {"b", "d"}, "h": set()},
        ),
        (
            "histogram_quantile(0.95, sum without (x) (increase(a_bucket[1h]))) and b offset 5m",
            {"a_bucket": set(), "b": set()},
        ),
        ("time() - a > 1e3 or absent(b)", {"a": set(), "b": set()}),
    ],
)
def test_expressions_are_taken_apart(expression: str, metrics: dict[str, set[str]]) -> None:
    assert metrics_in(expression) == metrics
