"""Losses on the spectrum of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...arguments import Positive
from ...registry import MODELS


@MODELS.register_module()
class FFTLoss(nn.Module):
    """Mean absolute error of the real and the imaginary parts of the spectrum.

    Source: Cho et al. 2021 (MIMO-UNet), equation 7, as most restoration code has it.

    Args:
        loss_weight: Weight of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two images, (N, C, H, W); in float32 also under autocast."""
        spectrum = torch.fft.rfft2(pred.float() - target.float())
        return self.loss_weight * torch.view_as_real(spectrum).abs().mean()


@MODELS.register_module()
class FocalFrequencyLoss(nn.Module):
    """Squared error of the spectrum, weighted by how large it is: hard frequencies count more.

    Source: Jiang et al. 2021, equations 8 and 9: the transform is unitary, and the weights, without a
    gradient, are at most 1 in each image and channel.

    Args:
        alpha: Exponent of the weights.
        loss_weight: Weight of the loss.
    """

    def __init__(self, alpha: Positive = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two images, (N, C, H, W); in float32 also under autocast."""
        spectrum = torch.view_as_real(torch.fft.fft2(pred.float() - target.float(), norm='ortho'))
        squared = spectrum.square().sum(-1)
        size = squared.detach().sqrt() ** self.alpha
        largest = size.amax((-2, -1), keepdim=True).clamp(min=torch.finfo(size.dtype).tiny)
        return self.loss_weight * ((size / largest).clamp(0, 1) * squared).mean()
