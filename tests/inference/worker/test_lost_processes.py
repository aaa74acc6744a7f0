"""What a photo is told that cannot get a process, and what operators are."""

from __future__ import annotations

import pytest

from inference.problems import Busy
from inference.vocabulary import Recolored, RecolorOptions
from inference.worker.metrics import Metrics
from inference.worker.photo_processes.process import ProcessDied
from inference.worker.recoloring import Recolorer
from inference.worker.stages import Stages


class Short(Recolorer):
    """For which the system has no descriptors left."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def _recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        raise ProcessDied("[Errno 24] Too many open files", of_this_photo=False)


async def test_it_may_come_again_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    with pytest.raises(Busy) as busy:
        await Short(metrics).recolor(b"a photo", RecolorOptions(), Stages(metrics))
    assert busy.value.retry_after
    assert "Too many open files" in caplog.text
    assert b"photo_process_deaths_total{" not in metrics.render()
