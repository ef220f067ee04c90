"""Updates that would spoil the networks are left out."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


class Update(NamedTuple):
    """What one update was made of.

    Args:
        finite (bool): All losses and gradients were finite; if not, no network was updated.
        values (dict[str, float]): The losses, ``d_real`` and ``d_fake``, and the gradient norm of each network that was to be updated.
        images (list[str]): The batch's files, of this process.
    """

    finite: bool
    values: dict[str, float]
    images: list[str]


class FiniteGuard:
    """Decides on the device whether an update takes place, so that the host need not wait for the answer.

    All networks of a step are updated, or none is, and so on every process, which share what they found. Fused optimizers of PyTorch leave
    a step out themselves; with others the host decides, and waits for the device. Under float16 the loss scaler decides, and only the
    losses are watched. ``UpdateGuardHook`` says what was left out, and stops a run that goes on like that.
    """

    def __init__(self) -> None:
        self.pending: deque[tuple[list[str], Tensor, list[str]]] = deque(maxlen=1000)  # nobody may call review

    @torch.no_grad()
    def step(self, wrappers: dict[str, OptimWrapper], networks: dict[str, nn.Module], logs: dict[str, Tensor], images: list[str]) -> None:
        """Update these networks, if all is finite, and forget their gradients.

        Args:
            wrappers (dict[str, OptimWrapper]): By name, those whose gradients are complete.
            networks (dict[str, nn.Module]): Of the same names.
            logs (dict[str, Tensor]): The losses and what else is to be in a report; scalars.
            images (list[str]): The batch's files.
        """
        values = {name: value.detach().reshape(()) for name, value in logs.items()}
        scaled = {name for name, wrapper in wrappers.items() if _has_scaler(wrapper)}
        for name in wrappers.keys() - scaled:
            gradients = [parameter.grad for parameter in networks[name].parameters() if parameter.grad is not None]
            values[f'gradient norm of the {name}'] = nn.utils.get_total_norm(gradients)
        stacked = torch.stack([value.float() for value in values.values()])
        spoilt = (~stacked.isfinite()).any().float()
        if get_world_size() > 1:
            all_reduce(spoilt, 'max')
        self.pending.append((list(values), torch.cat([stacked, spoilt[None]]), images))
        for name, wrapper in wrappers.items():
            if name in scaled or not self._leaves_out(wrapper, spoilt):
                wrapper.step()
            _clear(wrapper)

    def review(self) -> list[Update]:
        """What was decided since the last call, in order: one transfer from the device."""
        pending = list(self.pending)
        self.pending.clear()
        if not pending:
            return []
        numbers = iter(torch.cat([values for _, values, _ in pending]).tolist())
        updates = []
        for names, _, images in pending:
            values = {name: next(numbers) for name in names}
            updates.append(Update(next(numbers) == 0, values, images))
        return updates

    @staticmethod
    def _leaves_out(wrapper: OptimWrapper, spoilt: Tensor) -> bool:
        """Whether the caller has to leave the step out."""
        if not all(group.get('fused') for group in wrapper.optimizer.param_groups):
            return bool(spoilt)
        # PyTorch's loss scaler tells them in the same way
        wrapper.optimizer.grad_scale, wrapper.optimizer.found_inf = None, spoilt
        return False


def names_of(data: Any) -> list[str]:
    """The files of a batch, as far as it names them."""
    if 'keys' in data:
        return list(data['keys'])
    samples = data.get('data_samples') or []
    return [str(sample.get('gt_path', '')) for sample in samples] if isinstance(samples, list) else []


def _has_scaler(wrapper: OptimWrapper) -> bool:
    scaler = getattr(wrapper, 'loss_scaler', None)
    return scaler is not None and scaler.is_enabled()


def _clear(wrapper: OptimWrapper) -> None:
    wrapper.zero_grad()
    for name in ('grad_scale', 'found_inf'):
        if hasattr(wrapper.optimizer, name):
            delattr(wrapper.optimizer, name)
