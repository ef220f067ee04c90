"""A permutation that is computed one number at a time."""

import math
from collections import Counter
from itertools import pairwise

import pytest

from mmsr_ext.datasets.permutation import Permutation


def chi_square(counts, cells, expected):
    """Standard deviations by which the statistic is above its mean; normal for so many cells or draws."""
    statistic = sum((count - expected) ** 2 for count in counts) / expected
    statistic += (cells - len(counts)) * expected
    return (statistic - (cells - 1)) / math.sqrt(2 * (cells - 1))


@pytest.mark.parametrize('size', [1, 2, 3, 64, 1024, 1025, 1500, 4096, 4097])
def test_every_number_once(size):
    order = list(all_of(size, 5))
    assert sorted(order) == list(range(size))
    assert size < 9 or order != list(range(size))


def all_of(size, *key):
    order = Permutation(size, *key)
    return map(order.__getitem__, range(size))


@pytest.mark.parametrize('size', [3, 5, 1025, 3000])
def test_each_number_comes_to_each_place_equally_often(size):
    keys = 4 * size if size > 1000 else 3000
    for place in (0, size - 1):
        counts = Counter(Permutation(size, 1, key)[place] for key in range(keys))
        assert abs(chi_square(counts.values(), size, keys / size)) < 4


def test_neighbours_are_independent_of_each_other():
    """Steps between neighbouring places, in 8 classes of equal probability for a random order."""
    size = 4000
    order = list(all_of(size, 3))
    counts = Counter((after - before) % size * 8 // size for before, after in pairwise(order))
    assert abs(chi_square(counts.values(), 8, (size - 1) / 8)) < 4


def test_it_depends_on_its_key_alone():
    assert list(all_of(2000, 1, 'a')) == list(all_of(2000, 1, 'a'))
    assert list(all_of(2000, 1, 'a')) != list(all_of(2000, 1, 'b'))
    # resumed runs depend on it
    assert [Permutation(10**12, 7)[number] for number in (0, 1)] == [293969122980, 271278909606]
    assert list(all_of(6, 7)) == [5, 1, 2, 3, 4, 0]


def test_no_number_beyond_the_size():
    for number in (-1, 5, 2000):
        with pytest.raises(IndexError):
            Permutation(5, 0)[number]
