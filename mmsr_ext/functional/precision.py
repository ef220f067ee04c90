"""Precision of computations."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor itself if it is float32 or float64, else as float32: sums and means of half precision lose too much."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
