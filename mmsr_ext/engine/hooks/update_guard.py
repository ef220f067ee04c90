"""Log skipped updates, and stop a run that has gone wrong."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import get_dist_info
from mmengine.hooks import Hook, LoggerHook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor

from ...arguments import Size
from ...errors import InputError
from ...registry import HOOKS
from ...weights import read_checkpoint, weights_of
from ..distributed.process_group import host_group
from ..stock import unwrapped

if TYPE_CHECKING:
    from ..finite_guard import Update

AT_LEAST_EVERY = 100  # iterations
RUINED = 100  # times the largest weight at the start: weights of which no lower rate makes sound ones
LEARNT_ALL = 1e-3  # a discriminator's loss, per term, below which next to no gradient reaches the generator


@HOOKS.register_module()
class UpdateGuardHook(Hook):
    """Log skipped updates, and stop a run in which they do not end.

    The decisions of ``GANRestorer.guard`` are read at the LoggerHook's interval and every 100 iterations. A
    skipped update is counted as ``skipped_updates``, and logged with its non-finite values and the files of
    the batch: those of the processes whose own losses were non-finite or, where only gradients were, of all.
    An overflow that the loss scaler of float16 answers by lowering its scale is neither counted nor logged.
    Non-finite statistics of batch normalisation are put back as they were at the last reading. A
    discriminator whose two losses stay below 0.001 is reported once.

    Args:
        limit: The run stops after this many skipped updates in a row; the weights are those before them.
        collapse_after: Updates in a row after which the discriminator counts as collapsed.

    Raises:
        InputError: For numbers below 1, and, in training, when the run stops.
    """

    priority = 'HIGH'  # before values are logged and checkpoints written

    def __init__(self, limit: Size = 50, collapse_after: Size = 1000) -> None:
        self.limit = limit
        self.collapse_after = collapse_after
        self.in_a_row = 0
        self.first = 0  # iteration of the first of them
        self.before = 0  # iterations of the run before those that the guard counted
        self.largest = float('inf')
        self.collapsed_for = 0
        self.reported = False
        self.buffers: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Keep a copy of the statistics."""
        self.interval = min(
            (hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), default=AT_LEAST_EVERY
        )
        self.buffers = []
        model = unwrapped(runner.model)
        self._remember(model)
        self.largest = _largest(dict(model.named_parameters()))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Read at the interval, and before the guard would forget."""
        due = any(
            self.every_n_inner_iters(batch_idx, interval) for interval in (self.interval, AT_LEAST_EVERY)
        )
        guard = getattr(unwrapped(runner.model), 'guard', None)
        if guard:
            self.before = runner.iter + 1 - guard.steps
        if (
            due
            or self.is_last_train_iter(runner)
            or (guard and len(guard.pending) >= guard.pending.maxlen / 2)
        ):
            self.review(runner)

    def before_val(self, runner: Runner) -> None:
        """Read, so that validation finds sound statistics."""
        self.review(runner)

    def gather_checkpoint(self, runner: Runner, meta: dict) -> None:
        """Read, so that the checkpoint has the count."""
        self.review(runner)

    def review(self, runner: Runner) -> None:
        """Log what was skipped since the last call."""
        model = unwrapped(runner.model)
        if not hasattr(model, 'guard'):
            return
        guard: Any = model.guard
        updates = guard.review()
        skipped = [update for update in updates if not update.finite]
        if skipped:
            total = runner.message_hub.get_info('skipped_updates', 0) + len(skipped)
            runner.message_hub.update_info('skipped_updates', total)
            runner.message_hub.update_scalar('train/skipped_updates', total)
            self._restore(model)
        elif updates:
            self._remember(model)
        for line in _described(skipped[:5]):
            print_log(line, 'current', logging.WARNING)
        if len(skipped) > 5:
            print_log(
                f'{len(skipped) - 5} more updates were skipped since the last message.',
                'current',
                logging.WARNING,
            )
        for update in updates:
            if not update.overflow:
                self.in_a_row = 0 if update.finite else self.in_a_row + 1
                if self.in_a_row == 1:
                    self.first = self.before + update.step
            if self.in_a_row >= self.limit:
                raise InputError(self._report(update.values, self.before + update.step, runner))
            self._watch_discriminator(update.losses)

    def _report(self, values: dict[str, float], last: int, runner: Runner) -> str:
        path = self._sound_checkpoint(Path(runner.work_dir))
        how = (
            f'go on with --resume {path}, the last checkpoint with sound weights'
            if path
            else 'start a new run (no checkpoint has sound weights)'
        )
        return (
            f'the last {self.in_a_row} updates were non-finite and were skipped, and the run stops at '
            f'iteration {last}. The last of them: '
            f'{", ".join(f"{name} {value:.4g}" for name, value in values.items())}. The first was at '
            f'iteration {self.first}. Lower the learning rates or clip gradients '
            f'(optim_wrapper.generator.clip_grad="dict(max_norm=1)"), then {how}.'
        )

    def _sound_checkpoint(self, folder: Path) -> Path | None:
        """Return the newest checkpoint from before the update that made the losses non-finite.

        That is the last one that was made, or an earlier one, of which the weights had grown out of bounds.
        """
        saved = {
            int(path.stem.removeprefix('iter_')): path
            for path in folder.glob('iter_*.pth')
            if path.stem.removeprefix('iter_').isdecimal()
        }
        for iteration in sorted(saved, reverse=True):
            if iteration < self.first - 1:
                try:
                    weights = weights_of(read_checkpoint(saved[iteration]))
                except InputError:  # damaged
                    continue
                networks = {
                    name: value
                    for name, value in weights.items()
                    if name.startswith(('generator.', 'discriminator.')) and 'running_' not in name
                }
                if _largest(networks) <= RUINED * self.largest:
                    return saved[iteration]
        return None

    def _watch_discriminator(self, values: dict[str, float]) -> None:
        terms = [values[name] for name in ('loss_d_real', 'loss_d_fake') if name in values]
        self.collapsed_for = (
            self.collapsed_for + 1 if len(terms) == 2 and all(0 <= term < LEARNT_ALL for term in terms) else 0
        )
        if self.collapsed_for == self.collapse_after and not self.reported:
            self.reported = True
            print_log(
                f'For {self.collapse_after} updates the discriminator has told real from fake without '
                f'error: D(real) {values["d_real"]:.3g}, D(fake) {values["d_fake"]:.3g}, losses below '
                f"{LEARNT_ALL}. The generator learns next to nothing from it. Lower the discriminator's "
                'learning rate (optim_wrapper.discriminator.optimizer.lr), hold it back with '
                "gradient_penalty=dict(type='R1Penalty'), lower gan_loss.loss_weight, or start the generator "
                'from one that was trained without adversary.',
                'current',
                logging.WARNING,
            )

    def _remember(self, model: torch.nn.Module) -> None:
        now = _statistics(model)
        self.buffers = [
            _sound(buffer, before).clone() for buffer, before in zip(now, self.buffers or now, strict=True)
        ]

    def _restore(self, model: torch.nn.Module) -> None:
        for buffer, sound in zip(_statistics(model), self.buffers):
            buffer.copy_(_sound(buffer, sound))


def _largest(weights: Mapping[str, Tensor]) -> float:
    """Return the largest absolute value of all weights; infinite if one is not finite."""
    largest = [
        value.detach().float().abs().amax()
        for value in weights.values()
        if value.is_floating_point() and value.numel()
    ]
    value = float(torch.stack(largest).amax()) if largest else 0.0
    return value if math.isfinite(value) else math.inf


def _sound(buffer: Tensor, before: Tensor) -> Tensor:
    """Return the buffer if it is finite, else what it was; the host does not wait for the answer."""
    return torch.where(buffer.isfinite().all(), buffer, before)


def _described(updates: list[Update]) -> list[str]:
    """Describe skipped updates for the first process's log; all processes call this with the same ones."""
    rank, world_size = get_dist_info()
    everyone = [[(update.loss_is_non_finite, update.non_finite, update.images) for update in updates]]
    if world_size > 1 and updates:
        gathered: list[Any] | None = [None] * world_size if rank == 0 else None
        torch.distributed.gather_object(everyone[0], gathered, 0, host_group())
        everyone = gathered or []  # the others' warnings are not shown
    lines = []
    for parts in zip(*everyone):
        concerned = [
            (rank, *part[1:])
            for rank, part in enumerate(parts)
            if part[0] or not any(own for own, *_ in parts)
        ]
        non_finite = {name: value for _, values, _ in reversed(concerned) for name, value in values.items()}
        images = '; '.join(
            (f'rank {rank}: ' if world_size > 1 else '') + (', '.join(images) or '?')
            for rank, _, images in concerned
        )
        lines.append(
            f'Skipped an update: {", ".join(f"{name} {value}" for name, value in non_finite.items())}. Its '
            f'images: {images}'
        )
    return lines


def _statistics(model: torch.nn.Module) -> list[Tensor]:
    networks = [
        network
        for name in ('generator', 'discriminator')
        if (network := getattr(model, name, None)) is not None
    ]
    return [buffer for network in networks for buffer in network.buffers() if buffer.is_floating_point()]
