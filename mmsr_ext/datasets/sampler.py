"""Which sample comes when."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from ..arguments import Count
from ..registry import DATA_SAMPLERS


class Draw(int):
    """One sample of a run: an index into the dataset, and what its random choices follow from.

    It is an ``int``, so that any map-style dataset, a subset or a concatenation takes it as its index. One
    that passes on an index of its own passes on a plain number; choices are then seeded from the worker.

    >>> draw = Draw(2, position=40, seed=7)
    >>> ['a', 'b', 'c'][draw], draw.position
    ('c', 40)

    Args:
        index: Index of the image.
        position: Number of the sample in the run, over all processes, from 0.
        seed: Seed of the run.
    """

    position: int
    seed: int

    def __new__(cls, index: int, position: int, seed: int) -> Draw:
        """See the class."""
        draw = super().__new__(cls, index)
        draw.position, draw.seed = position, seed
        return draw

    def __getnewargs__(self) -> tuple[int, int, int]:  # type: ignore[override]
        """Return what a copy in another process is made of."""
        return self.index, self.position, self.seed

    def __repr__(self) -> str:
        return f'Draw({self.index}, position={self.position}, seed={self.seed})'

    @property
    def index(self) -> int:
        """Index of the image."""
        return int(self)

    def at(self, index: int) -> Draw:
        """Return the same draw of another dataset's index, for a dataset that is made of others."""
        return Draw(index, self.position, self.seed)


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
