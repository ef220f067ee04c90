"""Sensor noise."""

from __future__ import annotations

import torch
from torch import Tensor

from .counter_random import poisson, standard_normal

GREY_WEIGHTS = (0.2989, 0.587, 0.114)  # BT.601


def add_gaussian_noise(image: Tensor, sigma: float, grey: bool, key: int) -> Tensor:
    """Add Gaussian noise, and clip.

    Source: Wang et al. 2021 (Real-ESRGAN), section 3.1.

    Args:
        image: Shape (3, H, W) or (1, H, W), in [0, 1].
        sigma: Standard deviation, in units of the image.
        grey: Add the same noise to all channels.
        key: The seed, see ``random_bits``.

    Returns:
        The same shape, in [0, 1].
    """
    channels = 1 if grey else image.shape[0]
    noise = standard_normal((channels, *image.shape[1:]), key, image.device)
    return (image + sigma * noise.to(image.dtype)).clamp(0, 1)


def add_poisson_noise(image: Tensor, scale: float, grey: bool, key: int) -> Tensor:
    """Add shot noise, and clip.

    The image, rounded to 8 bits, is the expected photon count in units of 1 / v, where v is the number of its
    distinct values, rounded up to a power of 2. The noise is ``scale`` times the deviation of the counts.

    Source: Wang et al. 2021 (Real-ESRGAN), section 3.1; the choice of v is that of its released code, after
    scikit-image's ``random_noise``.

    Args:
        image: Shape (3, H, W) or (1, H, W), in [0, 1].
        scale: Factor of the noise; 1 for physical shot noise.
        grey: Add the same noise to all channels, computed from the luminance.
        key: The seed, see ``random_bits``.

    Returns:
        The same shape, in [0, 1].
    """
    source = image
    if grey and len(image) == 3:
        source = sum(weight * channel for weight, channel in zip(GREY_WEIGHTS, image))[None]
    levels = (source.clamp(0, 1) * 255).round().long()
    # without torch.unique, which would make the host wait for the device
    seen = torch.zeros(256, dtype=torch.long, device=image.device).scatter_(0, levels.flatten(), 1)
    powers = 2 ** torch.arange(8, device=image.device)
    below = seen.sum() > powers
    values = 1 + (powers * below).sum()
    noise = poisson(levels, below.sum(), key).to(image.dtype) / values - levels.to(image.dtype) / 255
    return (image + scale * noise).clamp(0, 1)
