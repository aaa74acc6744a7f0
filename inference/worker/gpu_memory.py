"""How full the GPU's memory is, for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference.worker.metrics import Metrics

if TYPE_CHECKING:
    import torch


def observe(metrics: Metrics, device: torch.device) -> None:
    """Ask the device whenever somebody looks at the metrics; on a CPU there is nothing to ask."""
    if device.type != "cuda":
        return
    import torch  # not at the top: whoever only counts needs no PyTorch

    def used() -> float:
        free, total = torch.cuda.mem_get_info(device)
        return total - free

    for kind, ask in {
        "tensors": lambda: torch.cuda.memory_allocated(device),
        "reserved": lambda: torch.cuda.memory_reserved(device),
        "used": used,
        "total": lambda: torch.cuda.mem_get_info(device)[1],
    }.items():
        metrics.gpu_memory.labels(kind).set_function(ask)
