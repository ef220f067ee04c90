"""PSNR and SSIM under names that say their protocol."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from ...arguments import Count
from ...functional import luma, psnr, ssim
from ...registry import METRICS
from .image_metric import ImageMetric


class _OfChannels(ImageMetric):
    higher_is_better = True

    def __init__(
        self, crop_border: Count | Literal['scale'] = 0, convert_to: Literal['Y'] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(crop_border, **kwargs)
        self.convert_to = convert_to
        self.metric = f'{type(self).__name__}-{convert_to or "RGB"}'

    def measure(self, gt: Tensor, pred: Tensor) -> Tensor:
        if self.convert_to == 'Y' and gt.shape[-3] > 1:
            gt, pred = luma(gt), luma(pred)
        return self.compare(gt, pred)


@METRICS.register_module()
class PSNR(_OfChannels):
    """MMagic's peak signal-to-noise ratio in dB, in float64: ``PSNR-Y`` (BT.601) or ``PSNR-RGB``.

    >>> PSNR(convert_to='Y', crop_border=4).metric
    'PSNR-Y'

    Args:
        crop_border: Pixels left out at each side; 'scale', the convention, for as many as the images are
            enlarged by.
        convert_to: 'Y' or None for RGB.
        **kwargs: See ``ImageMetric``.

    Raises:
        InputError: For another ``convert_to``.
    """

    compare = staticmethod(psnr)


@METRICS.register_module()
class SSIM(_OfChannels):
    """MMagic's SSIM (Wang et al. 2004, 11x11 Gaussian window), logged as ``SSIM-Y`` or ``SSIM-RGB``.

    Args:
        crop_border: Pixels left out at each side; 'scale', the convention, for as many as the images are
            enlarged by.
        convert_to: 'Y' or None for RGB.
        **kwargs: See ``ImageMetric``.

    Raises:
        InputError: For another ``convert_to``.
    """

    compare = staticmethod(ssim)
    smallest = 11
