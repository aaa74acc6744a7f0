"""One optimiser step: views of some photos in, the network a little better.

Nothing here waits for the device: losses and norms stay there until someone reads them, and a step whose gradient is
not finite is skipped by the optimiser itself.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inference.model.colorizer import Network
from training.checkpoint import Checkpoint, CheckpointError
from training.distributed import ALONE, Processes
from training.lots import Lot, lot_of
from training.networks import Trainee, build_network
from training.objectives import build_objective, patches_at
from training.recipe import Recipe
from training.schedule import ExponentialAverage, scheduled_rate
from training.views import View, random_view

_MAX_BAD_STEPS = 20


class TrainingError(Exception):
    """The run can't go on; the message says what to change."""


class Learner:
    """A network with what changes it: optimiser, moving average, objective."""

    def __init__(
        self,
        recipe: Recipe,
        prior: Tensor,
        device: torch.device,
        *,
        processes: Processes = ALONE,
        start: Checkpoint | None = None,
    ) -> None:
        """Build the recipe's network on ``device``.

        Args:
            recipe: the run's settings.
            prior: p̃ ``(313,)`` of the training photos.
            device: where to learn.
            processes: those that share the recipe's lots.
            start: the state to go on from.

        Raises:
            RecipeError: the network's first weights are missing or don't fit.
            CheckpointError: the state is of another network, or something else was frozen in it.

        """
        self._recipe = recipe
        self._device = device
        self._processes = processes
        self.network: Network = build_network(recipe, pretrained=start is None)
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._trainee = Trainee(self.network, recipe.freeze)
        self._trainee.set_training()
        self._last_map = torch.compile(self._trainee.last_map) if recipe.compile else self._trainee.last_map
        self.optimizer = self._trainee.optimizer(recipe)
        self.average = ExponentialAverage(self.network, recipe.ema)
        if start:
            self._go_on_from(start)
        self._objective = build_objective(recipe, prior, device)
        self._learnt = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self._statistics = _running_statistics(self.network)
        self._bad_steps = torch.zeros((), device=device)

    def step(self, pixels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Look at photos and learn from them: :meth:`look`, then :meth:`learn`."""
        return self.learn(self.look(pixels, step), step)

    def look(self, pixels: Tensor, step: int) -> list[Lot]:
        """Make this process's lots of a step; every random choice follows from the recipe's seed and ``step``.

        Args:
            pixels: uint8 ``(N, 3, S, S)``, the photos of the lots, one lot after the other.
            step: number of the step, from 0.

        """
        recipe, processes = self._recipe, self._processes
        numbers = range(processes.rank, recipe.lots, processes.count)
        lots = []
        for number, photos in zip(numbers, pixels.to(self._device).chunk(len(numbers)), strict=True):
            chance = torch.Generator().manual_seed((recipe.seed * 1_000_003 + step) * recipe.lots + number)
            lots.append(lot_of(self.view(photos, chance), recipe, chance))
        return lots

    def learn(self, lots: Sequence[Lot], step: int) -> tuple[Tensor, Tensor]:
        """Take optimiser step ``step``, from 0; if its gradient is not finite, it changes nothing.

        Returns:
            The loss over all processes and the norm of its gradient, scalars on the device.

        Raises:
            TrainingError: the gradient is not finite for twenty steps in a row.

        """
        recipe = self._recipe
        for group in self.optimizer.param_groups:
            group["lr"] = scheduled_rate(recipe, step, group["peak"])
        self.optimizer.zero_grad(set_to_none=True)
        before = [statistic.clone() for statistic in self._statistics]
        loss = self._accumulate(lots, before)
        gradients = [parameter.grad for parameter in self._learnt if parameter.grad is not None]
        self._processes.sum_([*gradients, *self._statistics, loss])

        norm = torch.nn.utils.clip_grad_norm_(self._learnt, recipe.clip)
        finite = torch.isfinite(norm)
        for statistic, old in zip(self._statistics, before, strict=True):
            statistic.copy_(torch.where(finite, statistic, old))
        # The flag that torch.amp.GradScaler sets: a fused optimiser reads it on the device and skips the step.
        self.optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.average.update(self.network, step)
        self._watch(finite, step)
        return loss, norm

    def view(self, pixels: Tensor, chance: torch.Generator) -> View:
        """Return what the network is shown of uint8 photos ``(N, 3, S, S)``, and what it should answer."""
        recipe = self._recipe
        return random_view(pixels, chance, smallest_crop=recipe.smallest_crop, augment=recipe.augment)

    def _go_on_from(self, start: Checkpoint) -> None:
        # The solver's state brings the rates and the decay that it was saved with; those of the recipe hold.
        own = [
            {name: value for name, value in group.items() if name != "params"} for group in self.optimizer.param_groups
        ]
        try:
            self.network.load_state_dict(start.network)
            self.average.network.load_state_dict(start.average)
            self.optimizer.load_state_dict(start.optimizer)
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                "the checkpoint doesn't fit network, encoder, widths, hints or freeze of the recipe; keep them with "
                "--resume, or begin a new run with start_from"
            ) from error
        for group, values in zip(self.optimizer.param_groups, own, strict=True):
            group.update(values)

    def _accumulate(self, lots: Sequence[Lot], before: list[Tensor]) -> Tensor:
        """Add up this process's share of the gradient, of the batch norms' running statistics, and of the loss."""
        count = self._recipe.lots
        total = torch.zeros((), device=self._device)
        sums = [torch.zeros_like(statistic) for statistic in before]
        for lot in lots:
            loss = self._loss(lot) / count
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
            for statistic, added, old in zip(self._statistics, sums, before, strict=True):
                added += statistic / count
                statistic.copy_(old)
        for statistic, added in zip(self._statistics, sums, strict=True):
            statistic.copy_(added)
        return total

    def _loss(self, lot: Lot) -> Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._recipe.bf16):
            last = self._last_map(lot.lightness, lot.hints)
            logits = self._trainee.logits_at(patches_at(last, lot.places))
        # The softmax and the logarithm want float32.
        return self._objective(logits, lot.Y)

    def _watch(self, finite: Tensor, step: int) -> None:
        """Count the steps without a finite gradient; look at the count only now and then, since that waits."""
        self._bad_steps = torch.where(finite, 0.0, self._bad_steps + 1)
        if (step + 1) % _MAX_BAD_STEPS == 0 and self._bad_steps >= _MAX_BAD_STEPS:
            raise TrainingError(
                f"the gradient was not finite for {_MAX_BAD_STEPS} steps up to step {step}; "
                "lower learning_rate or set bf16 = false"
            )


def _running_statistics(network: nn.Module) -> list[Tensor]:
    """Return the means and variances that the batch norms in training mode keep, float32."""
    return [
        buffer
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d) and module.training
        for buffer in (module.running_mean, module.running_var)
        if buffer is not None
    ]
