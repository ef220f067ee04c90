"""Gram matrices of feature maps, and a distance between textures."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from .precision import at_least_float32


def gram_matrix(features: Tensor) -> Tensor:
    """Return the Gram matrix of feature maps, divided by the number of entries.

    Computed at least in float32 and scaled before the product, because the sum over all positions overflows
    float16. Source: Johnson et al. 2016, eq. (3).

    Args:
        features: Shape (N, C, H, W).

    Returns:
        Shape (N, C, C), float32; float64 for float64.
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.reshape(n, c, h * w)
        flat = at_least_float32(flat) * (c * h * w) ** -0.5
        return flat @ flat.transpose(1, 2)


def texture_distance(x: Tensor, y: Tensor, patch_size: int = 16) -> Tensor:
    """Return the mean squared Frobenius distance between the Gram matrices of corresponding patches.

    The patches do not overlap; a remainder at the right and bottom is ignored. The Gram matrix of a patch is
    F F^T over its positions, without normalisation. Source: Sajjadi et al. 2017 (EnhanceNet),
    section 4.2.3.

    Args:
        x: Feature maps, shape (N, C, H, W).
        y: As ``x``.
        patch_size: Height and width of the patches, in positions of the maps.

    Returns:
        Scalar, float32; float64 for float64.

    Raises:
        InputError: If the maps are smaller than a patch.
    """
    if min(x.shape[-2:]) < patch_size:
        raise InputError(
            f'texture patches of {patch_size}x{patch_size} do not fit into feature maps of '
            f'{x.shape[-2]}x{x.shape[-1]}. Train on larger crops, name shallower layers, or set a smaller '
            'style_patch_size.'
        )
    with torch.autocast(x.device.type, enabled=False):
        grams = [flat @ flat.transpose(1, 2) for flat in (_patches(x, patch_size), _patches(y, patch_size))]
        return (grams[0] - grams[1]).square().sum((1, 2)).mean()


def _patches(features: Tensor, size: int) -> Tensor:
    """Reshape (N, C, H, W) to (N * patches, C, size * size), at least float32."""
    n, c, h, w = features.shape
    rows, columns = h // size, w // size
    features = at_least_float32(features)[..., : rows * size, : columns * size]
    return (
        features.reshape(n, c, rows, size, columns, size)
        .permute(0, 2, 4, 1, 3, 5)
        .reshape(-1, c, size * size)
    )
