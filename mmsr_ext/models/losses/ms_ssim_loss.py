"""Multi-scale structural similarity as a loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ...registry import MODELS

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
SIGMA, SIZE = 1.5, 11  # of the Gaussian window, in pixels
C1, C2 = 0.01**2, 0.03**2


@MODELS.register_module()
class MSSSIMLoss(nn.Module):
    """One minus the multi-scale structural similarity of images in [0, 1].

    Source: Wang et al. 2003: five scales, contrast and structure at all, luminance at the coarsest.

    Args:
        loss_weight: Weight of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compare two images, (N, C, H, W); in float32 also under autocast.

        Raises:
            InputError: For images whose coarsest scale is smaller than the window.
        """
        smallest = min(pred.shape[-2:])
        if smallest <= (SIZE - 1) * 2 ** (len(WEIGHTS) - 1):
            raise InputError(
                f'MSSSIMLoss: an image of {smallest} pixels is too small; expected at least '
                f'{(SIZE - 1) * 2 ** (len(WEIGHTS) - 1) + 1}. Use larger crops (gt_size).'
            )
        with torch.autocast(pred.device.type, enabled=False):
            pred, target = (x if x.dtype == torch.float64 else x.float() for x in (pred, target))
            result = torch.ones((), dtype=pred.dtype, device=pred.device)
            for index, weight in enumerate(WEIGHTS):
                luminance, contrast = _similarities(pred, target)
                last = index == len(WEIGHTS) - 1
                part = luminance * contrast if last else contrast
                result = result * part.mean((-2, -1)).relu() ** weight
                if not last:
                    odd = [size % 2 for size in pred.shape[-2:]]
                    pred, target = (F.avg_pool2d(x, 2, padding=odd) for x in (pred, target))
        return self.loss_weight * (1 - result.mean())


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return luminance, and contrast times structure, at each pixel."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variance_x + variance_y + C2)


def _blurred(x: Tensor) -> Tensor:
    offsets = torch.arange(SIZE, device=x.device, dtype=x.dtype) - SIZE // 2
    kernel = torch.exp(-offsets.square() / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(x, kernel, groups=x.shape[1])
    return F.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
