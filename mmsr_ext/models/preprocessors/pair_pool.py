"""A pool of training pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError


class PairPool(nn.Module):
    """Exchanges the pairs of a batch for earlier ones, so that one batch holds more kinds of degradation.

    It fills first, and hands the pairs out as they come; then every batch takes the places of pairs drawn at
    random, and those are handed out. Its content is saved with the weights. Each process has its own;
    ``ExactResumeHook`` saves them all.

    Source: Wang et al. 2021 (Real-ESRGAN), section 4.1, a pool of 180.

    Args:
        size: Number of pairs.
        lq_shape: Of an LQ image.
        gt_shape: Of a GT image.
    """

    lq: Tensor
    gt: Tensor
    filled: Tensor

    def __init__(self, size: int, lq_shape: tuple[int, int, int], gt_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer('lq', torch.zeros(size, *lq_shape, dtype=torch.uint8))
        self.register_buffer('gt', torch.zeros(size, *gt_shape, dtype=torch.uint8))
        self.register_buffer('filled', torch.tensor(0))
        self._filled = 0  # read back to the host after loading only

    def exchange(self, lq: Tensor, gt: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Store a batch, and return another one of the same size.

        Args:
            lq: (N, C, h, w), uint8.
            gt: (N, C, H, W), uint8.
            rng: What the choice follows from.

        Returns:
            LQ and GT.

        Raises:
            InputError: If the batch is larger than the pool.
        """
        size, count = len(self.lq), len(lq)
        if count > size:
            raise InputError(
                f'pool_size={size} is smaller than the batch, {count}. Set a larger pool_size, or 0 for no '
                'pool.'
            )
        room = min(count, size - self._filled)
        if room:
            self.lq[self._filled : self._filled + room] = lq[:room]
            self.gt[self._filled : self._filled + room] = gt[:room]
            self._filled += room
            self.filled += room
            return lq, gt
        chosen = torch.from_numpy(rng.choice(size, count, replace=False)).to(lq.device, non_blocking=True)
        taken = self.lq[chosen], self.gt[chosen]
        self.lq[chosen], self.gt[chosen] = lq, gt
        return taken

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        for name in ('lq', 'gt'):
            saved, own = state_dict.get(f'{prefix}{name}'), getattr(self, name)
            if saved is not None and saved.shape != own.shape:
                raise InputError(
                    f'the checkpoint has a pool of {tuple(saved.shape)} for {name.upper()}, but the config '
                    f'has one of {tuple(own.shape)}. Resume with the pool_size and gt_size of the run.'
                )
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._filled = int(self.filled)
