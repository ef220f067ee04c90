"""Skip updates that would make the networks non-finite."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from .stock import fixed_scale, found_infinite


class Update(NamedTuple):
    """What one update was made of.

    Args:
        finite: All losses and gradients were finite; if not, the update was skipped in every network.
        overflow: Gradients were too large for the scale of float16, and the update was skipped. The loss
            scaler lowers its scale, and that is no fault: ``finite`` is true.
        losses: What the restorer logs of this process, means over the micro-steps.
        gradient_norms: By network that was to be updated; all processes share them.
        images: The files of the batch, or of those that were accumulated, of this process.
        step: Number of the iteration that completed it, from 1, counted since the model was built.
    """

    finite: bool
    overflow: bool
    losses: dict[str, float]
    gradient_norms: dict[str, float]
    images: list[str]
    step: int = 0

    @property
    def values(self) -> dict[str, float]:
        """Return losses and gradient norms under names for a message."""
        return self.losses | {
            f'gradient norm of the {key}': norm for key, norm in self.gradient_norms.items()
        }

    @property
    def non_finite(self) -> dict[str, float]:
        """Return the values that are not finite."""
        return {name: value for name, value in self.values.items() if not math.isfinite(value)}

    @property
    def loss_is_non_finite(self) -> bool:
        """Whether a loss of this process was non-finite, and not only the gradients of all processes."""
        return not all(map(math.isfinite, self.losses.values()))


class FiniteGuard:
    """Decide on the device whether an update takes place, so that the host need not wait for the answer.

    Either all networks of a step are updated, in all processes, or the update is skipped. PyTorch's fused
    optimizers skip a step themselves; with others the host decides, and waits for the device.
    ``UpdateGuardHook`` logs skipped updates, and stops a run in which they do not end.

    Under float16 each network has a loss scaler. An update whose gradients overflow at its scale is skipped
    in all networks, and only that scaler lowers its scale. Where the scale cannot be lowered, because it is
    constant or at 1, below which it does not fall, the gradients count as non-finite.
    """

    def __init__(self) -> None:
        # names of losses and of networks, all values, images, step; bounded, because nobody may call review
        self.pending: deque[tuple[list[str], list[str], Tensor, list[str], int]] = deque(maxlen=1000)
        self.steps = 0  # iterations so far, those included that accumulate
        self._losses: dict[str, list[Tensor]] = {}  # of an update's micro-steps
        self._images: list[str] = []

    @torch.no_grad()
    def step(
        self,
        wrappers: dict[str, OptimWrapper],
        networks: dict[str, nn.Module],
        logs: dict[str, Tensor],
        images: list[str],
    ) -> None:
        """Update these networks, if all is finite, and forget their gradients.

        Args:
            wrappers: By name, those whose gradients are complete; without any, losses and images are kept for
                the update that they belong to.
            networks: Of the same names.
            logs: The losses and what else is to be in a report; scalars.
            images: The batch's files.
        """
        self.steps += 1
        for name, value in logs.items():
            self._losses.setdefault(name, []).append(value.detach().reshape(()).float())
        self._images += images
        if not wrappers:
            return
        losses = torch.stack(
            [steps[0] if len(steps) == 1 else torch.stack(steps).mean() for steps in self._losses.values()]
        )
        norms, overflows = [], []
        scaled = [name for name, wrapper in wrappers.items() if _has_scaler(wrapper)]
        for name, wrapper in wrappers.items():
            if name in scaled:
                wrapper.loss_scaler.unscale_(wrapper.optimizer)
            gradients = [
                parameter.grad for parameter in networks[name].parameters() if parameter.grad is not None
            ]
            norms.append(nn.utils.get_total_norm(gradients).float())
            overflows.append(
                _overflow(wrapper, norms[-1])
                if name in scaled
                else torch.zeros_like(norms[-1], dtype=torch.bool)
            )
        norm, overflow = torch.stack(norms), torch.stack(overflows)
        non_finite = ~losses.isfinite().all() | (~norm.isfinite() & ~overflow).any()
        flags = torch.stack([non_finite, overflow.any()]).float()
        if get_world_size() > 1:
            all_reduce(flags, 'max')
        values = torch.cat([losses, norm, flags])
        self.pending.append(([*self._losses], [*wrappers], values, self._images, self.steps))
        self._losses, self._images = {}, []
        skip = flags.amax()
        for name, wrapper in wrappers.items():
            if not self._caller_skips(wrapper, skip):
                # with a scaler, what it does to gradients and decides has been done
                OptimWrapper.step(wrapper) if name in scaled else wrapper.step()
            if name in scaled:
                _adapt(wrapper)
            _clear(wrapper)

    def review(self) -> list[Update]:
        """Return the updates since the last call, in order; one transfer from the device."""
        pending = list(self.pending)
        self.pending.clear()
        if not pending:
            return []
        numbers = iter(torch.cat([values for _, _, values, *_ in pending]).tolist())
        updates = []
        for losses, networks, _, images, step in pending:
            values = {name: next(numbers) for name in losses}
            norms = {name: next(numbers) for name in networks}
            non_finite, overflow = next(numbers) > 0, next(numbers) > 0
            updates.append(Update(not non_finite, overflow and not non_finite, values, norms, images, step))
        return updates

    @staticmethod
    def _caller_skips(wrapper: OptimWrapper, skip: Tensor) -> bool:
        """Return whether the caller has to skip the step; a fused optimizer skips it itself."""
        if not all(group.get('fused') for group in wrapper.optimizer.param_groups):
            return bool(skip)
        # PyTorch's loss scaler tells them in the same way
        wrapper.optimizer.grad_scale, wrapper.optimizer.found_inf = None, skip
        return False


def names_of(data: Any) -> list[str]:
    """Return the files of a batch, as far as it names them."""
    if 'keys' in data:
        return list(data['keys'])
    samples = data.get('data_samples') or []
    return [str(sample.get('gt_path', '')) for sample in samples] if isinstance(samples, list) else []


def _has_scaler(wrapper: OptimWrapper) -> bool:
    scaler = getattr(wrapper, 'loss_scaler', None)
    return scaler is not None and scaler.is_enabled()


def _overflow(wrapper: OptimWrapper, norm: Tensor) -> Tensor:
    """Whether the scaler found unscaled gradients that are not finite, and can lower its scale."""
    if fixed_scale(wrapper) is not None:
        return norm.new_zeros((), dtype=torch.bool)
    found = found_infinite(wrapper)
    return (sum(value.to(norm.device) for value in found) > 0) & (_scale(wrapper, norm) > 1)


def _scale(wrapper: OptimWrapper, like: Tensor) -> Tensor:
    """Return the scale, on the device."""
    return wrapper.loss_scaler.scale(like.new_ones((), dtype=torch.float32))


def _adapt(wrapper: OptimWrapper) -> None:
    """Set the scaler's next scale from what it found."""
    wrapper.loss_scaler.update(fixed_scale(wrapper))
    if fixed_scale(wrapper) is None:
        # below 1 small gradients vanish, and it would take thousands of updates to rise again
        wrapper.loss_scaler.update(
            _scale(wrapper, wrapper.optimizer.param_groups[0]['params'][0]).clamp(min=1)
        )


def _clear(wrapper: OptimWrapper) -> None:
    wrapper.zero_grad()
    for name in ('grad_scale', 'found_inf'):
        if hasattr(wrapper.optimizer, name):
            delattr(wrapper.optimizer, name)
