"""Unsharp masking."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from .filter2d import filter2d


def usm_sharpen(image: Tensor, weight: float = 0.5, radius: int = 25, threshold: float = 10 / 255) -> Tensor:
    """Sharpen an image where it differs from its blurred version by more than a threshold.

    Source: Wang et al. 2021 (Real-ESRGAN); the defaults are those of its released code: a Gaussian of 51x51
    pixels, weight 0.5, threshold 10 of 255 levels.

    Args:
        image: Shape (N, C, H, W), in [0, 1]; H and W above ``radius``.
        weight: Fraction of the difference that is added.
        radius: Radius of the Gaussian in pixels; its standard deviation is 0.3 * radius + 0.5, as in OpenCV.
        threshold: Smallest difference that is sharpened, in units of the image.

    Returns:
        Shape (N, C, H, W), in [0, 1].

    Raises:
        InputError: If the image is too small.
    """
    if min(image.shape[-2:]) <= radius:
        raise InputError(
            f'usm_sharpen: an image of {image.shape[-2]}x{image.shape[-1]} must be larger than {radius} px, '
            'the radius of its Gaussian. Use larger crops.'
        )
    offset = torch.arange(-radius, radius + 1, dtype=torch.float64, device=image.device)
    gaussian = (-0.5 * (offset / (0.3 * radius + 0.5)).square()).exp()
    gaussian = (gaussian / gaussian.sum()).to(image)

    def blur(x: Tensor) -> Tensor:
        return filter2d(filter2d(x, gaussian[None, :]), gaussian[:, None])

    difference = image - blur(image)
    mask = blur((difference.abs() > threshold).to(image.dtype))
    sharp = (image + weight * difference).clamp(0, 1)
    return image + mask * (sharp - image)
