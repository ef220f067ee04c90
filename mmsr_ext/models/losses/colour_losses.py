"""Losses on brightness and on colours."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Positive
from ...functional.gaussian_blur import gaussian_blur
from ...registry import MODELS

BT601 = (0.299, 0.587, 0.114)


@MODELS.register_module()
class LumaLoss(nn.Module):
    """Mean absolute error of the brightness, Y of BT.601 in full range.

    Args:
        loss_weight: Weight of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two images, (N, 3, H, W) in RGB; in float32 also under autocast."""
        weights = torch.tensor(BT601, device=pred.device).view(1, 3, 1, 1)
        difference = ((pred.float() - target.float()) * weights).sum(1)
        return self.loss_weight * difference.abs().mean()


@MODELS.register_module()
class ColourLoss(nn.Module):
    """Mean absolute error of blurred images: colours and brightness, without details.

    It holds the tone in fine-tuning with a discriminator, which pays for details and lets colours drift.

    Args:
        sigma: Of the Gaussian blur, in pixels.
        loss_weight: Weight of the loss.
    """

    def __init__(self, sigma: Positive = 8.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.sigma = sigma
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two images, (N, C, H, W); in float32 also under autocast."""
        with torch.autocast(pred.device.type, enabled=False):
            difference = gaussian_blur(pred.float() - target.float(), self.sigma)
        return self.loss_weight * F.l1_loss(difference, torch.zeros_like(difference))
