"""Gaussian blur."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .mirror import mirrored


def gaussian_blur(image: Tensor, sigma: float, truncate: float = 4.0) -> Tensor:
    """Blur an image as ``scipy.ndimage.gaussian_filter`` does in mode 'reflect'.

    The kernel reaches int(truncate * sigma + 0.5) pixels to each side and sums to 1; borders are mirrored in
    half-sample symmetry. A uint8 image is blurred in float64 and rounded half up, once; SciPy truncates after
    each axis, which darkens the image.

    Args:
        image: Shape (..., H, W), uint8 or floating point.
        sigma: Standard deviation in pixels.
        truncate: Radius of the kernel in standard deviations.

    Returns:
        The blurred image, with the shape and dtype of ``image``.

    Raises:
        InputError: If sigma or truncate is not positive.
    """
    if not (sigma > 0 and truncate > 0):
        raise InputError(f'gaussian_blur: sigma={sigma!r} and truncate={truncate!r} must be positive.')
    exact = image.dtype == torch.uint8
    x = (image.double() if exact else image).reshape(-1, 1, *image.shape[-2:])
    radius = int(truncate * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, device=x.device, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / sigma).square())
    kernel = (kernel / kernel.sum()).to(x.dtype)
    for axis, shape in [(2, (1, 1, -1, 1)), (3, (1, 1, 1, -1))]:
        x = mirrored(x, axis, radius, radius)
        x = F.conv2d(x, kernel.view(shape))
    x = x.reshape(image.shape)
    return (x + 0.5).floor().to(torch.uint8) if exact else x
