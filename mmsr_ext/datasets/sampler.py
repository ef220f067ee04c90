"""Which sample comes when."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import NamedTuple

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from ..arguments import Count
from ..registry import DATA_SAMPLERS


class Draw(NamedTuple):
    """One sample of a run: an index into the dataset, and what its random choices follow from.

    Args:
        index: Index of the image.
        position: Number of the sample in the run, over all processes, from 0.
        seed: Seed of the run.
    """

    index: int  # type: ignore[assignment]  # a tuple's method of this name is not used
    position: int
    seed: int


@DATA_SAMPLERS.register_module()
class InfiniteDraws(Sampler):
    """An endless sequence of draws: one permutation of the dataset after the other.

    Draw number p is a function of (seed, p) alone, whatever the number of processes and workers. A run that
    is resumed sets ``start`` to the number of draws that are past (over all processes), and ``seed`` to that
    of the run.

    >>> draws = iter(InfiniteDraws(['a', 'b', 'c'], seed=1))
    >>> [next(draws).index for _ in range(6)]  # each image once, then each once more
    [...]

    Args:
        dataset: The dataset.
        shuffle: Permute; else in order.
        seed: By default one that all processes agree on.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: Count | None = None) -> None:
        self.size = len(dataset)
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.start = 0
        self.rank, self.world_size = get_dist_info()

    def __iter__(self) -> Iterator[Draw]:
        position, epoch, order = self.start + self.rank, -1, np.arange(self.size)
        while True:
            if position // self.size != epoch:
                epoch = position // self.size
                if self.shuffle:
                    order = np.random.Generator(
                        np.random.Philox(key=[self.seed, epoch], counter=[0, 0, 0, 1])
                    ).permutation(self.size)
            yield Draw(int(order[position % self.size]), position, self.seed)
            position += self.world_size

    def __len__(self) -> int:
        return self.size
