"""LPIPS as a metric."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mmagic.evaluation.metrics.base_sample_wise_metric import BaseSampleWiseMetric
from mmengine.device import get_device
from torch import Tensor

from ..models.losses import LPIPSLoss
from ..registry import METRICS


@METRICS.register_module()
class LPIPS(BaseSampleWiseMetric):
    """LPIPS of whole images, logged as ``LPIPS``; lower is better.

    Source: Zhang et al. 2018, with the package of its authors.

    Args:
        net (str): 'alex' (the usual one), 'vgg' or 'squeeze'.
        crop_border (int): Pixels left out at each side.
        pretrained (str): 'imagenet' (torchvision's weights of the trunk), a file with them, or 'random'.
        **kwargs: See MMagic's ``BaseSampleWiseMetric``.

    Raises:
        InputError: For an unknown network, or weights that cannot be had.
    """

    metric = 'LPIPS'
    default_prefix = ''  # the name says enough

    def __init__(self, net: str = 'alex', crop_border: int = 0, pretrained: str = 'imagenet', **kwargs: Any) -> None:
        super().__init__(**{'device': get_device(), **kwargs})
        self.crop_border = crop_border
        self.distance = _distance(net, pretrained)

    def process_image(self, gt: Tensor, pred: Tensor, mask: Tensor) -> float:
        """Compare two images.

        Args:
            gt (Tensor): (3, H, W), BGR, [0, 255].
            pred (Tensor): Of the same shape.
            mask (Tensor): Not used.
        """
        border = self.crop_border
        gt, pred = (image[:, border:image.shape[1] - border, border:image.shape[2] - border].flip(0)[None] for image in (gt, pred))
        return float(self.distance(pred, gt))


@lru_cache(maxsize=1)
def _distance(net: str, pretrained: str) -> LPIPSLoss:
    """One network for all sets of images and methods of a test."""
    return LPIPSLoss(net, input_range=(0.0, 255.0), pretrained=pretrained)
