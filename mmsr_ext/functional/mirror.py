"""Extend tensors at the borders, by mirroring or by repeating the edge."""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_index(size: int, low: int, high: int, device: torch.device | None = None) -> Tensor:
    """Return indices extended by ``low`` and ``high`` in half-sample symmetry (... 1 0 | 0 1 ...)."""
    index = torch.arange(-low, size + high, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


@torch.jit.script_if_tracing  # a trace would fix the device of the index
def mirrored(x: Tensor, axis: int, low: int, high: int) -> Tensor:
    """Extend a tensor along an axis by ``low`` and ``high`` elements, as ``mirror_index`` does."""
    return x.index_select(axis, mirror_index(x.shape[axis], low, high, x.device))


@torch.jit.script_if_tracing  # as above
def repeated(x: Tensor, axis: int, low: int, high: int) -> Tensor:
    """Extend a tensor along an axis by ``low`` and ``high`` copies of its first and last element."""
    index = torch.arange(-low, x.shape[axis] + high, device=x.device).clamp(0, x.shape[axis] - 1)
    return x.index_select(axis, index)
