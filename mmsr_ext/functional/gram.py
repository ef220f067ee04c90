"""Gram matrices."""

import torch
from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix of feature maps, divided by the number of entries. Source: Johnson et al. 2016, eq. (3).

    Computed in float32 whatever the input's precision, and scaled before the product: the sum over all positions overflows float16.

    Args:
        features (Tensor): (N, C, H, W).

    Returns:
        Tensor: (N, C, C), float32 (float64 for float64).
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.reshape(n, c, h * w)
        flat = flat.to(torch.promote_types(flat.dtype, torch.float32)) * (c * h * w)**-0.5
        return flat @ flat.transpose(1, 2)
