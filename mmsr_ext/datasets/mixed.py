"""A mixture of datasets in given proportions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from math import ceil
from typing import Any

from ..arguments import Positive, Size
from ..errors import InputError
from ..registry import DATASETS
from .base import RestorationDataset
from .drawn import as_draw
from .packed import PackedPairs, stack_samples
from .permutation import permutation
from .sampler import Draw

SMALLEST_SHARE = 1e-6


@DATASETS.register_module()
class MixedDataset(RestorationDataset):
    """Several datasets, each with its share of the draws: 70 % photographs and 30 % text.

    One pass over the mixture has exactly ``lengths[k]`` samples of dataset k. The next pass goes on where
    that one has stopped, so that each image of a dataset comes as often as any other. Which sample a draw
    gets follows from the draw alone; a resumed run goes on exactly.

    >>> photos, text = [f'photo {index}' for index in range(50)], ['text 0', 'text 1']
    >>> mixture = MixedDataset([photos, text], weights=[0.7, 0.3])
    >>> mixture.lengths, len(mixture)
    ([700, 300], 1000)
    >>> from mmsr_ext.datasets import InfiniteDraws
    >>> draws = iter(InfiniteDraws(mixture, seed=0))
    >>> mixture[next(draws)] in photos + text
    True

    Args:
        datasets: Configs of datasets, or datasets: stores, folders, MMagic's, your own. All of them make
            samples of one size.
        weights: Share of each dataset in the draws, in any unit: [0.7, 0.3], [7, 3]. A pass is as long as all
            datasets together, rounded up to a multiple of 1000.
        lengths: Samples of each dataset in one pass, in place of ``weights``. By default each dataset's own
            length.

    Raises:
        InputError: If there is no dataset, one is empty, the scales, the channels or the sizes of the crops
            differ, there is not one weight or length for each, or a weight is below a millionth of their sum.
    """

    def __init__(
        self,
        datasets: Sequence,
        weights: Sequence[Positive] | None = None,
        lengths: Sequence[Size] | None = None,
    ) -> None:
        self.datasets = [
            DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset for dataset in datasets
        ]
        for number, dataset in enumerate(self.datasets):
            if not hasattr(dataset, '__getitem__') or not hasattr(dataset, '__len__'):
                raise InputError(
                    f'MixedDataset: datasets[{number}]={dataset!r} is no dataset with a length. Give a '
                    "config such as dict(type='PackedPairs', ...)."
                )
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
        self.sizes = [len(dataset) for dataset in self.datasets]
        if not self.sizes or min(self.sizes) == 0:
            raise InputError(
                f'MixedDataset: datasets of {self.sizes} samples; expected some, none of them empty.'
            )
        self.scale = self._common('scale')
        self.gt_size = self._common('gt_size')
        self.channels = self._common('channels')
        self.lengths = self._lengths(weights, lengths)
        self.ends = list(accumulate(self.lengths))

    def _common(self, name: str) -> int | None:
        """Return an attribute that all datasets that have it have in common; None if none has it."""
        values = {
            f'datasets[{number}]': getattr(dataset, name)
            for number, dataset in enumerate(self.datasets)
            if isinstance(getattr(dataset, name, None), int)
        }
        if len(set(values.values())) > 1:
            listed = ', '.join(f'{value} in {key}' for key, value in values.items())
            raise InputError(f'MixedDataset: {name} is {listed}. Give all datasets the same {name}.')
        return next(iter(values.values()), None)

    def _lengths(self, weights: Sequence[float] | None, lengths: Sequence[int] | None) -> list[int]:
        if weights is not None and lengths is not None:
            raise InputError('MixedDataset: both weights and lengths are given. Leave one of them out.')
        for name, values in (('weights', weights), ('lengths', lengths)):
            if values is not None and len(values) != len(self.sizes):
                raise InputError(
                    f'MixedDataset: {name}={list(values)} must have one value for each of the '
                    f'{len(self.sizes)} datasets.'
                )
        if weights is None:
            return list(lengths or self.sizes)
        total = sum(weights)
        share = min(weights) / total
        if share < SMALLEST_SHARE:
            raise InputError(
                f'MixedDataset: weights={list(weights)}: {min(weights)} is less than a millionth of their '
                'sum. Leave that dataset out, or give it a larger weight.'
            )
        count = 1000 * ceil(max(sum(self.sizes), 2 / share) / 1000)
        ends = [0, *(int(count * end / total + 0.5) for end in accumulate(weights))]
        return [end - start for start, end in pairwise(ends)]

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, draw: Draw | int) -> Any:
        """Load a sample of the dataset that the draw falls on; see ``find``."""
        dataset, own = self.find(draw)
        return dataset[own]

    def __getitems__(self, draws: list[Draw | int]) -> Any:
        """Load a batch if all datasets are packed stores, else a list of samples."""
        found = [self.find(draw) for draw in draws]
        if all(isinstance(dataset, PackedPairs) for dataset in self.datasets):
            for dataset in self.datasets:
                dataset.stores.check_unchanged()
            return stack_samples([dataset.view(own) for dataset, own in found])
        return [dataset[own] for dataset, own in found]

    def find(self, draw: Draw | int) -> tuple[Any, Draw | int]:
        """Return the dataset that a draw falls on, and the draw of that dataset.

        Args:
            draw: A draw; or a bare index, whose pass is a random one, from the worker's torch generator.

        Raises:
            IndexError: If the index is not one of the mixture.
        """
        index = range(len(self))[int(draw)]
        part = bisect_right(self.ends, index)
        length, size = self.lengths[part], self.sizes[part]
        number = index - (self.ends[part] - length)
        if length != size:
            drawn = as_draw(draw)
            passes = drawn.position // len(self) if drawn.position >= 0 else drawn.seed
            turn, number = divmod(passes * length + number, size)
            if length < size:  # a pass does not have all of them: take those of neighbouring numbers apart
                number = permutation(size, drawn.seed, part, turn)[number]
        return self.datasets[part], draw.at(number) if isinstance(draw, Draw) else number
