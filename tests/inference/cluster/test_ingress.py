"""What the ingress makes of replicas that fail it, without Ray running."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs the extra “cluster”")

from ray.exceptions import ActorDiedError
from ray.serve.exceptions import BackPressureError

from inference.cluster import ingress
from inference.cluster.ingress import Cluster
from inference.settings import WorkerSettings
from inference.worker.admission import Phase

DESCRIPTION = {"name": "a model", "device": "cpu"}


class Replicas:
    """A deployment's handle, whose replicas answer what is given, one call after the other."""

    def __init__(self, answers: Sequence[object]) -> None:
        self._answers = iter(answers)
        self.describe = self

    async def remote(self) -> Any:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_the_door_opens_even_if_the_first_replicas_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "_OPEN_PAUSE_SECONDS", 0.01)
    losses = [ActorDiedError(), BackPressureError(num_queued_requests=1, max_queued_requests=1)]
    cluster = Cluster(WorkerSettings(), Replicas([*losses, DESCRIPTION]), None)  # type: ignore[arg-type]
    async with cluster.running(), asyncio.timeout(5):
        while cluster.admission.phase is not Phase.READY:
            await asyncio.sleep(0.01)
