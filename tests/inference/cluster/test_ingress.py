"""What the ingress makes of replicas that fail it, without Ray running."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs the extra “cluster”")

from ray.exceptions import ActorDiedError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from inference.cluster import ingress
from inference.cluster.ingress import Cluster
from inference.problems import NotReady
from inference.settings import WorkerSettings
from inference.vocabulary import RecolorOptions
from inference.worker.admission import Phase
from inference.worker.stages import Stages

DESCRIPTION = {"name": "a model", "device": "cpu"}


class Replicas:
    """A deployment's handle, whose replicas answer what is given, one call after the other."""

    def __init__(self, answers: Sequence[object]) -> None:
        self._answers = iter(answers)
        self.describe = self.recolor = self

    async def remote(self, *arguments: object) -> Any:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_the_door_opens_even_if_the_first_replicas_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "_OPEN_PAUSE_SECONDS", 0.01)
    losses = [ActorDiedError(), BackPressureError(num_queued_requests=1, max_queued_requests=1)]
    cluster = Cluster(WorkerSettings(), Replicas([*losses, DESCRIPTION]), None)  # type: ignore[arg-type]
    async with cluster.running(), asyncio.timeout(30):
        while cluster.admission.phase is not Phase.READY:
            await asyncio.sleep(0.01)


async def test_a_photo_may_come_again_while_there_is_no_replica_at_all() -> None:
    lost = DeploymentUnavailableError(DeploymentID("Replica"))
    cluster = Cluster(WorkerSettings(), Replicas([lost]), None)  # type: ignore[arg-type]
    with pytest.raises(NotReady) as refusal:
        await cluster.recolor(b"a photo", RecolorOptions(), Stages(cluster.metrics))
    assert refusal.value.retry_after
