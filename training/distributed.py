"""Several processes that train one network: started by ``torchrun``, each with its share of every batch.

Gradients are summed by hand: the loss reads single patches of the last map, which a wrapped network would hide, and the
network is small enough for one transfer a step.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Processes:
    """One process among ``count`` that train together; ``rank`` 0 leads: it validates, saves and speaks."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that validates, saves and speaks."""
        return self.rank == 0

    @torch.no_grad()
    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes, in one transfer."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view(tensor.shape))

    def agree(self, value: float) -> float:
        """Return the leader's value, in every process."""
        if self.count == 1:
            return value
        values: list[object] = [value]
        distributed.broadcast_object_list(values, src=0)
        return float(str(values[0]))

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Run a block in the leader before the others, which then find what it left behind."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            distributed.barrier()


ALONE = Processes()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """Join the processes that ``torchrun`` started, over NCCL or, on CPUs, gloo; without it there is only this one.

    Yields:
        The processes, and the device of this one: with several GPUs, each its own.

    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE, device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), count), device
    finally:
        distributed.destroy_process_group()
