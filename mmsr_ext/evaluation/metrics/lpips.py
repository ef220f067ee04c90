"""LPIPS as a metric."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor

from ...arguments import Count
from ...models.losses import LPIPSLoss
from ...registry import METRICS
from .image_metric import ImageMetric


@METRICS.register_module()
class LPIPS(ImageMetric):
    """LPIPS of whole images, logged as ``LPIPS``; lower is better.

    Source: Zhang et al. 2018, with the package of its authors.

    Args:
        net: 'alex' (the usual one), 'vgg' or 'squeeze'.
        crop_border: Pixels left out at each side, or 'scale'.
        pretrained: 'imagenet' (torchvision's weights of the trunk), a file with them, or 'random'.
        **kwargs: See ``ImageMetric``.

    Raises:
        InputError: For an unknown network, or weights that cannot be had.
    """

    metric = 'LPIPS'
    higher_is_better = False

    def __init__(
        self,
        net: Literal['alex', 'vgg', 'squeeze'] = 'alex',
        crop_border: Count | Literal['scale'] = 0,
        pretrained: str = 'imagenet',
        **kwargs: Any,
    ) -> None:
        super().__init__(crop_border, **kwargs)
        self.distance = _distance(net, pretrained)
        self.smallest = self.distance.smallest

    @torch.no_grad()
    def measure(self, gt: Tensor, pred: Tensor) -> Tensor:
        """See ``ImageMetric``."""
        return self.distance.to(pred.device)(pred[None], gt[None])


@lru_cache(maxsize=1)
def _distance(net: Literal['alex', 'vgg', 'squeeze'], pretrained: str) -> LPIPSLoss:
    """Return the network, one for all sets of images and methods of a test."""
    return LPIPSLoss(net, input_range=(0.0, 255.0), pretrained=pretrained)
