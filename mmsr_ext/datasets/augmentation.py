"""What is random for a sample: where it is cropped and how it is turned."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import torch

from .sampler import Draw

_FIELDS = struct.Struct('<QQB')


class Choices(NamedTuple):
    """Random choices for one sample: a hash of its draw's seed and position, faster than seeding a generator.

    Args:
        rows: 64 random bits, for the crop's upper edge.
        columns: 64 random bits, for its left edge.
        turns: 8 random bits, for flips and transposition.
    """

    rows: int
    columns: int
    turns: int

    @classmethod
    def of(cls, draw: Draw) -> Choices:
        """The choices that belong to a draw."""
        return cls(
            *_FIELDS.unpack(blake2b(b'%d %d' % (draw.seed, draw.position), digest_size=_FIELDS.size).digest())
        )

    def view(self, image: np.ndarray, size: int | None, unit: int, augment: bool) -> np.ndarray:
        """A random part of an image, turned at random, without copying.

        Args:
            image: (C, H, W).
            size: Height and width of the crop; None for the whole image.
            unit: Edges lie at multiples of it: with the scale for GT and 1 for LQ, both show the same place.
            augment: Flip and transpose.

        Returns:
            np.ndarray: (C, size, size).
        """
        if size is not None:
            _, height, width = image.shape
            top = unit * (self.rows * ((height - size) // unit + 1) >> 64)
            left = unit * (self.columns * ((width - size) // unit + 1) >> 64)
            image = image[:, top : top + size, left : left + size]
        if augment:
            image = image[:, :: -1 if self.turns & 1 else 1, :: -1 if self.turns & 2 else 1]
            if self.turns & 4:
                image = image.transpose(0, 2, 1)
        return image


def replacement(draw: Draw) -> int:
    """Return 64 random bits of a draw, which choose an image in place of one that cannot be read."""
    return int.from_bytes(
        blake2b(b'%d %d instead' % (draw.seed, draw.position), digest_size=8).digest(), 'little'
    )


def as_draw(draw: Draw | int) -> Draw:
    """Return a draw as it is; a bare index is seeded from the worker's torch generator."""
    return draw if isinstance(draw, Draw) else Draw(int(draw), -1, int(torch.randint(2**62, ())))
