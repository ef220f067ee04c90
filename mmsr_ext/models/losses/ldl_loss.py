"""Absolute error where a network makes artefacts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...registry import MODELS


@MODELS.register_module()
class LDLLoss(nn.Module):
    """Absolute error, weighted by how likely a pixel is an artefact: locally discriminative learning.

    The weight is the variance of the error in a window around the pixel, times that in the whole image to the
    power 1/5; the error is the sum of its channels' absolute values. It has no gradient.

    Source: Liang et al. 2022, equations 4 to 6, without the comparison with a second, averaged network.

    Args:
        size: Height and width of the window, odd, in pixels.
        loss_weight: Weight of the loss.
    """

    def __init__(self, size: Size = 7, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two images, (N, C, H, W); in float32 also under autocast."""
        pred, target = pred.float(), target.float()
        with torch.no_grad():
            error = (target - pred).abs().sum(1, keepdim=True)
            whole = error.var((1, 2, 3), keepdim=True) ** 0.2
            half = self.size // 2
            windows = F.pad(error, [half] * 4, mode='reflect').unfold(2, self.size, 1).unfold(3, self.size, 1)
            weight = whole * windows.flatten(-2).var(-1)
        return self.loss_weight * ((pred - target).abs() * weight).mean()
