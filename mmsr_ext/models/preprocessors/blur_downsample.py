"""LQ images made from GT by blur and bicubic reduction."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...arguments import Size
from ...errors import InputError
from ...functional import gaussian_blur, imresize
from ...registry import MODELS
from ...tool_names import tool
from .image_preprocessor import ImagePreprocessor, Samples


@MODELS.register_module()
class BlurDownsample(ImagePreprocessor):
    """LQ made anew from GT, in training, validation and test: Gaussian blur, then MATLAB's bicubic.

    As if both steps were saved as 8-bit images: the blurred image is rounded half up to uint8, and
    ``imresize`` of uint8 rounds as MATLAB's does. The borders of what the dataset gives, whole images or
    crops, are mirrored. The batch's own LQ is not looked at.

    Args:
        scale: GT size / LQ size.
        sigma: Standard deviation of the blur in pixels of GT.
        truncate: Where the blur's kernel ends, in standard deviations.
        **kwargs: See ``ImagePreprocessor``: ``mean``, ``std``, ...

    Raises:
        InputError: For a scale, sigma or truncate out of range; at the first batch if the size of GT is not a
            multiple of the scale.
    """

    def __init__(self, scale: Size, sigma: float, truncate: float = 4.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not (sigma > 0 and truncate > 0):
            raise InputError(
                f'BlurDownsample: sigma={sigma!r} and truncate={truncate!r} must be positive. Without blur '
                f'use ImagePreprocessor and LQ images from {tool("pairs")}.'
            )
        self.scale = scale
        self.sigma = sigma
        self.truncate = truncate

    def makes_lq(self, training: bool) -> bool:
        """Return True: LQ is made in training and validation."""
        return True

    def make_lq(self, samples: Samples) -> Tensor | list[Tensor]:
        """See ``degrade``."""
        return (
            [self.degrade(sample.gt_img) for sample in samples]
            if isinstance(samples, list)
            else self.degrade(samples.gt_img)
        )

    def degrade(self, gt: Tensor) -> Tensor:
        """Make LQ of GT.

        Args:
            gt: (C, H, W) or (N, C, H, W), in [0, 255], of any type; rounded to 8 bit first.

        Returns:
            (C, H / scale, W / scale) or with N, uint8.

        Raises:
            InputError: If the size is not a multiple of the scale.
        """
        height, width = gt.shape[-2:]
        if height % self.scale or width % self.scale:
            raise InputError(
                f'BlurDownsample: a GT image is {height}x{width}, not a multiple of the scale, {self.scale}. '
                f'Crop the images, as {tool("pairs")} does.'
            )
        return imresize(gaussian_blur(gt.round().to(torch.uint8), self.sigma, self.truncate), 1 / self.scale)
