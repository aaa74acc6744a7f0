"""Reddit and Discord fail at random, and still everybody gets one answer: `tests.benchmarks.chaos`, in short."""

from pathlib import Path

import pytest

from tests.benchmarks import chaos


@pytest.mark.timeout(400)
def test_nothing_is_lost_and_nothing_double_while_everything_fails(tmp_path: Path) -> None:
    report = chaos.run(20.0, seed=2016, share=0.05, folder=tmp_path)
    print(report)
    assert min(report.faults.values()) > 0
    assert (report.lost, report.double, report.complaints, report.tracebacks) == ([], [], [], 0)
    before, after = report.tasks
    assert after <= before
