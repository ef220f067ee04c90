"""Pixel losses under MMagic's names, so that training with them does not import all of MMagic's models."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from ...registry import MODELS


class _PixelLoss(nn.Module):
    function: ClassVar[str]

    def __init__(
        self,
        loss_weight: float = 1.0,
        reduction: Literal['none', 'mean', 'sum'] = 'mean',
        sample_wise: bool = False,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.reduction = reduction
        self.sample_wise = sample_wise

    def forward(self, pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Compare two images.

        Args:
            pred: (N, C, H, W).
            target: Of the same shape.
            weight: Weight of each element, (N, C, H, W) or (N, 1, H, W); the mean is over these weights.
        """
        function = getattr(F, self.function)
        if weight is None:
            return self.loss_weight * function(pred, target, reduction=self.reduction)
        weight = weight.expand_as(pred)
        loss = function(pred, target, reduction='none') * weight
        if self.reduction == 'sum':
            loss = loss.sum()
        elif self.reduction == 'mean':
            over = (1, 2, 3) if self.sample_wise else (0, 1, 2, 3)
            # a mask without any weight gives 0
            loss = (loss.sum(over) / (weight.sum(over) + 1e-12)).mean()
        return self.loss_weight * loss


@MODELS.register_module()
class L1Loss(_PixelLoss):
    """Mean absolute error, of all elements or of a mask.

    Args:
        loss_weight: Weight of the loss.
        reduction: 'none', 'mean' or 'sum', over all elements.
        sample_wise: With a mask, the mean of each sample's mean.
    """

    function = 'l1_loss'


@MODELS.register_module()
class MSELoss(_PixelLoss):
    """Mean squared error, of all elements or of a mask.

    Args:
        loss_weight: Weight of the loss.
        reduction: 'none', 'mean' or 'sum', over all elements.
        sample_wise: With a mask, the mean of each sample's mean.
    """

    function = 'mse_loss'
