"""Random numbers that are a function of a key and a position, equal on every device."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

MASK = 0xFFFFFFFF
POISSON_LEVELS = 256
POISSON_COUNTS = 480  # at the highest rate, 256, a count above 479 has a probability below 2^-32


def random_bits(shape: tuple[int, ...], key: int, device: torch.device | str = 'cpu') -> Tensor:
    """Return uniform 32-bit integers: element number i is a hash of ``key`` and i.

    PyTorch's generators give different numbers on a GPU and on a CPU, and depend on what was drawn before.
    Integer arithmetic does neither. The hash is two rounds of lowbias32 (Wellons 2018), each with one half of
    the key.

    Args:
        shape: Shape of the result, of fewer than 2^32 elements.
        key: The seed, 64 bits.
        device: Device to compute on.

    Returns:
        Integers in [0, 2^32), int64.
    """
    x = torch.arange(math.prod(shape), device=device)
    x.add_(key & MASK).bitwise_and_(MASK)
    _mix(x)
    x.bitwise_xor_(key >> 32 & MASK)
    _mix(x)
    return x.reshape(shape)


def standard_normal(shape: tuple[int, ...], key: int, device: torch.device | str = 'cpu') -> Tensor:
    """Draw float32 samples of the standard normal distribution; see ``random_bits`` for the arguments."""
    # in float64, CPU and GPU differ by less than the resolution of float32
    uniform = (random_bits(shape, key, device).double() + 0.5) * 2.0**-32
    return (uniform.mul_(2).sub_(1).erfinv_() * math.sqrt(2)).float()


def poisson(levels: Tensor, exponent: Tensor, key: int) -> Tensor:
    """Draw independent Poisson samples with rates ``levels / 255 * 2^exponent``.

    Inverts the distribution function with integer tables, which gives the same counts on every device.

    Args:
        levels: Any shape, int64, in [0, 255].
        exponent: Scalar, int64, in [0, 8].
        key: See ``random_bits``.

    Returns:
        Counts, int64, with the shape of ``levels``.
    """
    row = exponent * POISSON_LEVELS + levels
    drawn = random_bits(tuple(levels.shape), key, levels.device) + (row << 32)
    return torch.searchsorted(_poisson_table(levels.device), drawn, right=True) - row * POISSON_COUNTS


@cache
def _poisson_table(device: torch.device) -> Tensor:
    """Return P(X <= count) in units of 2^-32, row after row, offset so that the whole table is sorted."""
    rates = torch.arange(POISSON_LEVELS, dtype=torch.float64) / 255 * 2.0 ** torch.arange(9)[:, None]
    counts = torch.arange(1, POISSON_COUNTS + 1, dtype=torch.float64)
    below = torch.special.gammaincc(counts, rates.reshape(-1, 1).contiguous())
    row = torch.arange(len(below))[:, None]
    return ((below * 2.0**32).round().long() + (row << 32)).flatten().to(device)


def _mix(x: Tensor) -> None:
    """Apply lowbias32 in place. Products overflow 64 bits, but their lower 32 bits are correct."""
    for shift, factor in [(16, 0x7FEB352D), (15, 0x846CA68B)]:
        x.bitwise_xor_(x >> shift).mul_(factor).bitwise_and_(MASK)
    x.bitwise_xor_(x >> 16)
