"""The benchmark's own arithmetic."""

from __future__ import annotations

import mmap
import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from inference.bench import memory, processor
from inference.bench.growth import Size, exponent, table_of_sizes
from inference.bench.load import Answer, Load, moments
from inference.bench.photographs import photograph
from inference.bench.plots import Curve, draw
from inference.bench.running_worker import running_worker
from inference.bench.serving import ideal_latencies


def test_an_ideal_queue_answers_in_turn_and_never_faster_than_alone() -> None:
    assert ideal_latencies([0.0, 0.01, 0.02, 1.0], ms_each=100, servers=2) == pytest.approx([100, 100, 180, 100])


def test_random_moments_are_as_many_as_asked_for_and_the_same_each_time() -> None:
    times = moments(50, 100)
    assert times == moments(50, 100) == sorted(times)
    assert len(times) == pytest.approx(5000, rel=0.05)
    assert times[-1] < 100


def test_linear_growth_has_exponent_one() -> None:
    assert exponent([1, 2, 8], [3, 6, 24]) == pytest.approx(1)
    assert exponent([1, 2, 8], [1, 4, 64]) == pytest.approx(2)


def test_what_every_photo_costs_does_not_hide_how_large_ones_grow() -> None:
    def reached(cost: Callable[[float], float]) -> bool:
        table = table_of_sizes([Size(each, cost(each), 0, 0, 1) for each in (1, 2, 4, 8, 12, 16, 24)])
        return table.goals[0].is_reached

    assert reached(lambda megapixels: 25 + 10 * megapixels)
    assert not reached(lambda megapixels: 25 + 0.5 * megapixels**2)


def test_a_worker_is_measured_without_the_operators_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("COLORIZEBOT_WORKER_LOG_FORMAT=json\nCOLORIZEBOT_WORKER_TOKEN=0123456789abcdef\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORIZEBOT_WORKER_BATCH_SIZE", "0")
    with running_worker() as worker:
        request = urllib.request.Request(f"{worker.url}/v1/recolor", photograph(64, 64))
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200


def test_a_load_knows_its_pace_and_its_percentiles() -> None:
    load = Load([Answer(second, second + 0.5, {}) for second in range(4)])
    assert load.seconds == 3.5
    assert load.per_second == pytest.approx(4 / 3.5)
    assert load.percentile(99) == pytest.approx(500)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_the_peak_is_measured_anew() -> None:
    before = memory.forget_peak()
    with mmap.mmap(-1, 50_000_000) as held:  # which no memory freed earlier can serve
        held.write(b"x" * len(held))
    assert memory.peak() - before > 40_000_000
    assert memory.forget_peak() - before < 20_000_000


def test_plots_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the extra “bench”")
    draw(tmp_path / "it.png", "clients", Curve("ms", [1, 2], [3, 4]), Curve("MB", [1, 2], [5, 6]))
    with Image.open(tmp_path / "it.png") as picture:
        assert picture.width > picture.height > 300


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_processor_time_is_that_of_the_process() -> None:
    before = processor.seconds(os.getpid())
    used = time.process_time()
    while time.process_time() - used < 0.2:
        pass
    assert processor.seconds(os.getpid()) - before == pytest.approx(0.2, abs=0.05)
