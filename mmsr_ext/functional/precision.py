"""Raise the precision of sums and means."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """Convert half precision to float32, in which sums and means are accurate; keep other dtypes."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
