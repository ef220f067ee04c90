"""Bicubic resizing as MATLAB does it."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .mirror import mirrored, repeated
from .precision import at_least_float32


def imresize(image: Tensor, scale: float, border: Literal['mirror', 'repeat'] = 'mirror') -> Tensor:
    """Resize an image as MATLAB's ``imresize`` does.

    Bicubic (a = -0.5), antialiased when shrinking, with mirrored borders, or repeated ones: the low-quality
    images that RCAN's authors published were made so, and differ from MATLAB's by the border alone. For uint8
    and mirrored borders the result equals MATLAB's bit for bit, on every device: the rows are resized first,
    and each of the two passes rounds half up to uint8.

    >>> image = torch.full((3, 8, 12), 100, dtype=torch.uint8)
    >>> imresize(image, 1 / 4).shape
    torch.Size([3, 2, 3])
    >>> imresize(image, 2).unique()
    tensor([100], dtype=torch.uint8)

    Args:
        image: Shape (C, H, W) or (N, C, H, W), uint8 or floating point. Floating-point values are neither
            rounded nor clipped; half precision is computed in float32.
        scale: An integer or 1 / integer, such as 4 or 1 / 4.
        border: What stands for the pixels outside of the image: 'mirror' for its mirror image, as in MATLAB,
            or 'repeat' for the pixel at its edge.

    Returns:
        The resized image, of the same dtype; height and width are ceil(size * scale).

    Raises:
        InputError: If the scale is neither an integer nor 1 / integer, or ``border`` is another word.
    """
    if border not in ('mirror', 'repeat'):
        raise InputError(f"imresize: border={border!r} must be 'mirror' or 'repeat'.")
    if not scale > 0:
        raise InputError(f'imresize: scale={scale} must be positive.')
    factor = round(scale if scale >= 1 else 1 / scale)
    if not math.isclose(scale, factor if scale >= 1 else 1 / factor):
        raise InputError(f'imresize: scale={scale} must be an integer or 1 / integer, such as 4 or 0.25.')
    if factor == 1:
        return image.clone()
    exact = image.dtype == torch.uint8
    # float64 unless the weights are dyadic fractions, so that halves are rounded up
    x = (
        image.to(torch.float32 if factor & (factor - 1) == 0 else torch.float64)
        if exact
        else at_least_float32(image)
    )
    x = x[None] if image.ndim == 3 else x
    shrink = scale < 1
    for axis in (2, 3):
        x = _resize_axis(x, axis, factor, shrink, border == 'repeat')
        if exact:
            x = torch.floor(x + 0.5).clamp_(0, 255)
    x = x[0] if image.ndim == 3 else x
    return x.to(image.dtype)


def _resize_axis(x: Tensor, axis: int, factor: int, shrink: bool, repeat: bool) -> Tensor:
    size = x.shape[axis]
    length = -(-size // factor) if shrink else size * factor
    # the kernel reaches 2 input pixels, or 2 output pixels when shrinking; whole output pixels keep the grid
    low = 2 * factor + factor if shrink else 3
    high = low + (length * factor - size if shrink else 0)
    x = repeated(x, axis, low, high) if repeat else mirrored(x, axis, low, high)
    ratio = [1.0, 1.0]
    ratio[axis - 2] = 1 / factor if shrink else float(factor)
    x = F.interpolate(x, scale_factor=tuple(ratio), mode='bicubic', antialias=True)
    return x.narrow(axis, low // factor if shrink else low * factor, length)
