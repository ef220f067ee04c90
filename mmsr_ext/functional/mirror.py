"""Mirrored borders."""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_index(size: int, low: int, high: int, device: torch.device | None = None) -> Tensor:
    """Return indices extended by ``low`` and ``high`` in half-sample symmetry (... 1 0 | 0 1 ...)."""
    index = torch.arange(-low, size + high, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


@torch.jit.script_if_tracing  # a trace would keep the device that it was made on
def mirrored(x: Tensor, axis: int, low: int, high: int) -> Tensor:
    """The tensor extended along an axis as ``mirror_index`` says."""
    return x.index_select(axis, mirror_index(x.shape[axis], low, high, x.device))
