"""Random crops, flips and transpositions that follow from the number of a draw."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from .sampler import Draw

_FIELDS = struct.Struct('<QQB')


class Augmentation(NamedTuple):
    """Random crop, flips and transposition of one sample.

    The bits are a hash of the draw's seed and position, which is faster than seeding a generator.

    Args:
        rows: 64 random bits for the crop's top edge.
        columns: 64 random bits for the crop's left edge.
        turns: 8 random bits for flips and transposition.
    """

    rows: int
    columns: int
    turns: int

    @classmethod
    def of(cls, draw: Draw) -> Augmentation:
        """Return the augmentation of a draw."""
        return cls(
            *_FIELDS.unpack(blake2b(b'%d %d' % (draw.seed, draw.position), digest_size=_FIELDS.size).digest())
        )

    def corner(self, height: int, width: int, size: int, unit: int) -> tuple[int, int]:
        """Return the top and left edge of the crop.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.
            size: Height and width of the crop in pixels.
            unit: The edges are multiples of it, in pixels. With the scale for GT and 1 for LQ, both crops
                show the same region.
        """
        return (
            unit * (self.rows * ((height - size) // unit + 1) >> 64),
            unit * (self.columns * ((width - size) // unit + 1) >> 64),
        )

    def turn(self, image: np.ndarray) -> np.ndarray:
        """Flip and transpose an image, shape (C, H, W), without copying."""
        image = image[:, :: -1 if self.turns & 1 else 1, :: -1 if self.turns & 2 else 1]
        return image.transpose(0, 2, 1) if self.turns & 4 else image

    def view(self, image: np.ndarray, size: int | None, unit: int, augment: bool) -> np.ndarray:
        """Crop an image, and flip and transpose the crop, without copying.

        Args:
            image: Shape (C, H, W).
            size: Height and width of the crop in pixels; None for the whole image.
            unit: The edges of the crop are multiples of it, see ``corner``.
            augment: Flip and transpose the crop.

        Returns:
            A view of the image, shape (C, size, size).
        """
        if size is not None:
            _, height, width = image.shape
            top, left = self.corner(height, width, size, unit)
            image = image[:, top : top + size, left : left + size]
        return self.turn(image) if augment else image


def random_bits(draw: Draw, purpose: str) -> int:
    """Return 64 random bits of a draw.

    Args:
        draw: The draw.
        purpose: What they are for; each purpose gets bits of its own.
    """
    return int.from_bytes(
        blake2b(b'%d %d %s' % (draw.seed, draw.position, purpose.encode()), digest_size=8).digest(), 'little'
    )
