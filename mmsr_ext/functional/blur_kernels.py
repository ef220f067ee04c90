"""Blur kernels of the blind super-resolution literature."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..arguments import check_value
from ..errors import InputError

Profile = Literal['gaussian', 'plateau']


def gaussian_kernel(
    size: int,
    sigma_x: float,
    sigma_y: float | None = None,
    angle: float = 0.0,
    beta: float = 1.0,
    profile: Profile = 'gaussian',
) -> Tensor:
    """Return a generalised Gaussian kernel, isotropic or anisotropic.

    With q = r^T S^-1 r, r the position relative to the centre in pixels, and S the covariance with standard
    deviations ``sigma_x`` and ``sigma_y`` along axes that are rotated by ``angle``: 'gaussian' is exp(-q^beta
    / 2), 'plateau' is 1 / (1 + q^beta), each divided by its sum. beta = 1 gives the Gaussian; smaller values
    give heavier tails, larger ones a flatter top.

    Source: Wang et al. 2021 (Real-ESRGAN), section 3.1; Liu et al. 2020 for the two generalised shapes.

    Args:
        size: Height and width in pixels, odd.
        sigma_x: Standard deviation along the first axis, in pixels, above 0.
        sigma_y: Standard deviation along the second axis; by default ``sigma_x``.
        angle: Angle from the image's x axis to the first axis, in radians.
        beta: Exponent of the shape, above 0.
        profile: 'gaussian' or 'plateau'.

    Returns:
        Shape (size, size), float64, on the CPU; the sum is 1.

    Raises:
        InputError: For a value out of range.
    """
    sigma_y = sigma_x if sigma_y is None else sigma_y
    if not (sigma_x > 0 and sigma_y > 0 and beta > 0):
        raise InputError(
            f'gaussian_kernel: sigma_x={sigma_x!r}, sigma_y={sigma_y!r} and beta={beta!r} must be above 0.'
        )
    check_value('gaussian_kernel: profile', profile, Profile)
    y, x = _grid(size)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    power = ((along / sigma_x).square() + (across / sigma_y).square()) ** beta
    kernel = (-power / 2).exp() if profile == 'gaussian' else 1 / (1 + power)
    return kernel / kernel.sum()


def sinc_kernel(size: int, cutoff: float) -> Tensor:
    """Return a circular low-pass filter, which rings as compression and sharpening do.

    ``cutoff * J1(cutoff * r) / (2 pi r)``, with J1 the Bessel function of the first kind and r the distance
    from the centre, divided by its sum. Source: Wang et al. 2021 (Real-ESRGAN), section 3.3.

    Args:
        size: Height and width in pixels, odd.
        cutoff: Angular frequency above which nothing passes, in radians per pixel, in (0, pi].

    Returns:
        Shape (size, size), float64, on the CPU, accurate to 1e-7; the sum is 1.

    Raises:
        InputError: For a value out of range.
    """
    if not 0 < cutoff <= math.pi + 1e-6:
        raise InputError(f'sinc_kernel: cutoff={cutoff!r} must be above 0 and at most pi.')
    y, x = _grid(size)
    radius = torch.hypot(x, y)
    kernel = cutoff * torch.special.bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    kernel[size // 2, size // 2] = cutoff**2 / (4 * math.pi)  # the limit at r = 0
    return kernel / kernel.sum()


def _grid(size: int) -> tuple[Tensor, Tensor]:
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise InputError(f'blur kernel: size={size!r} must be an odd integer.')
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    return axis[:, None].expand(size, size), axis[None, :].expand(size, size)
