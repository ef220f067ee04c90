"""Mirrored borders."""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_index(size: int, low: int, high: int, device: torch.device | None = None) -> Tensor:
    """Indices of 0..size-1 extended by ``low`` and ``high`` in half-sample symmetry (... 1 0 | 0 1 ...), as often as needed."""
    index = torch.arange(-low, size + high, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
