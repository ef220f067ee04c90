"""Number the draws of a run, and say which image each of them is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from ..arguments import Count
from ..registry import DATA_SAMPLERS


class Draw(int):
    """One draw of a run: the index of an image, and the two numbers that determine its augmentation.

    It is an ``int``, so that any map-style dataset, a subset or a concatenation accepts it as an index. An
    index that a wrapper computes from it, as a repetition or a concatenation does, is the same draw of
    another image.

    >>> draw = Draw(2, position=40, seed=7)
    >>> ['a', 'b', 'c'][draw], draw.position
    ('c', 40)
    >>> draw % 2, draw - 1
    (Draw(0, position=40, seed=7), Draw(1, position=40, seed=7))

    Args:
        index: Index of the image in the dataset.
        position: Number of the draw in the run, counted over all processes, from 0.
        seed: Seed of the run.
    """

    position: int
    seed: int

    def __new__(cls, index: int, position: int, seed: int) -> Draw:
        """Make a draw; see the class for the arguments."""
        draw = super().__new__(cls, index)
        draw.position, draw.seed = position, seed
        return draw

    def __getnewargs__(self) -> tuple[int, int, int]:  # type: ignore[override]
        """Return the arguments with which pickle makes a copy."""
        return self.index, self.position, self.seed

    def __repr__(self) -> str:
        return f'Draw({self.index}, position={self.position}, seed={self.seed})'

    @property
    def index(self) -> int:
        """Index of the image in the dataset."""
        return int(self)

    def at(self, index: int) -> Draw:
        """Return the same draw of another index, for a dataset that is made of others."""
        return Draw(index, self.position, self.seed)

    def __add__(self, other: int) -> Draw:
        return self.at(int(self) + other)

    def __radd__(self, other: int) -> Draw:
        return self.at(other + int(self))

    def __sub__(self, other: int) -> Draw:
        return self.at(int(self) - other)

    def __rsub__(self, other: int) -> Draw:
        return self.at(other - int(self))

    def __mod__(self, other: int) -> Draw:
        return self.at(int(self) % other)

    def __floordiv__(self, other: int) -> Draw:
        return self.at(int(self) // other)


@DATA_SAMPLERS.register_module()
class InfiniteDraws(Sampler):
    """An endless sequence of draws: one permutation of the dataset after another.

    Draw number p is a function of (seed, p) alone, for any number of processes and workers. To resume a run,
    set ``start`` to the number of draws that all processes together have made, and ``seed`` to the run's.

    >>> draws = iter(InfiniteDraws(['a', 'b', 'c'], seed=1))
    >>> [next(draws).index for _ in range(6)]  # each image once, then each once more
    [...]

    Args:
        dataset: The dataset, of which only the length is used.
        shuffle: Permute the dataset; otherwise draw in order.
        seed: Seed of the run; by default a random one, the same in all processes.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: Count | None = None) -> None:
        self.size = len(dataset)
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.start = 0
        self.rank, self.world_size = get_dist_info()

    def __iter__(self) -> Iterator[Draw]:
        position, epoch = self.start + self.rank, -1
        order: Sequence[int] | np.ndarray = range(self.size)
        while True:
            if self.shuffle and position // self.size != epoch:
                epoch = position // self.size
                order = np.arange(self.size, dtype=np.uint32 if self.size < 2**32 else np.int64)
                key = [self.seed, epoch]
                np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, 1])).shuffle(order)
            yield Draw(int(order[position % self.size]), position, self.seed)
            position += self.world_size

    def __len__(self) -> int:
        return self.size
