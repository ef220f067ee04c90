"""Pixel losses under MMagic's names, so that training with them does not import all of MMagic's models."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from ...registry import MODELS


class _PixelLoss(nn.Module):
    function: ClassVar[str]

    def __init__(self, loss_weight: float = 1.0, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.reduction = reduction

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two tensors of the same shape."""
        return self.loss_weight * getattr(F, self.function)(pred, target, reduction=self.reduction)


@MODELS.register_module()
class L1Loss(_PixelLoss):
    """Mean absolute error. MMagic's, which also takes a mask, is ``mmagic.L1Loss``.

    Args:
        loss_weight: Weight of the loss.
        reduction: 'none', 'mean' or 'sum', over all elements.
    """

    function = 'l1_loss'


@MODELS.register_module()
class MSELoss(_PixelLoss):
    """Mean squared error. MMagic's, which also takes a mask, is ``mmagic.MSELoss``.

    Args:
        loss_weight: Weight of the loss.
        reduction: 'none', 'mean' or 'sum', over all elements.
    """

    function = 'mse_loss'
