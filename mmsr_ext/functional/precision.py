"""Precision of computations."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """Return half precision as float32, in which sums and means lose less; others as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
