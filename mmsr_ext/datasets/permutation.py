"""Permutations that are computed one number at a time, for sets of any size."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

ROUNDS = 6
SMALL = 1024  # sets up to this size are sorted
MIX = 0xD6E8FEB86659FD93  # an odd number whose bits look random
WORD = 2**64 - 1


class Permutation:
    """A random permutation of the numbers below ``size``, of which none is held in memory.

    A Feistel network permutes the numbers of as many bits; a number beyond the size is permuted again. A
    network of few bits reaches few of the permutations, so that a small set is sorted by random keys instead.

    >>> order = Permutation(5, 'seed', 7)
    >>> sorted(order[number] for number in range(5))
    [0, 1, 2, 3, 4]

    Args:
        size: How many numbers there are.
        *key: What the permutation depends on.
    """

    def __init__(self, size: int, *key: int | str) -> None:
        self.size = size
        bits = (size - 1).bit_length()
        self.low = bits // 2
        self.masks = (1 << bits - self.low) - 1, (1 << self.low) - 1
        digest = blake2b(repr(key).encode(), digest_size=8 * ROUNDS).digest()
        self.keys = [int.from_bytes(digest[8 * turn : 8 * turn + 8], 'little') for turn in range(ROUNDS)]
        self.order = sorted(range(size), key=self._sort_key) if size <= SMALL else None

    def __getitem__(self, number: int) -> int:
        if not 0 <= number < self.size:
            raise IndexError(number)
        if self.order is not None:
            return self.order[number]
        high_mask, low_mask = self.masks
        while True:
            high, low = number >> self.low, number & low_mask
            for turn in range(0, ROUNDS, 2):
                high ^= _mixed(low, self.keys[turn]) & high_mask
                low ^= _mixed(high, self.keys[turn + 1]) & low_mask
            number = high << self.low | low
            if number < self.size:
                return number

    def _sort_key(self, number: int) -> int:
        for key in self.keys[:3]:
            number = _mixed(number, key)
        return number


@lru_cache(256)
def permutation(size: int, *key: int | str) -> Permutation:
    """Return a permutation, made once for each of the keys that are in use."""
    return Permutation(size, *key)


def _mixed(number: int, key: int) -> int:
    number = (number * MIX + key) & WORD
    number = (number ^ number >> 32) * MIX & WORD
    return number ^ number >> 29
