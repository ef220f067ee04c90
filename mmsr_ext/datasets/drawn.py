"""Draws for datasets that know nothing of them, so that a resumed run reads what it would have read."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from ..registry import DATA_SAMPLERS, DATASETS
from .augmentation import random_bits
from .base import RestorationDataset, inner_datasets
from .sampler import Draw, InfiniteDraws

_current: ContextVar[Draw | None] = ContextVar('draw', default=None)


def as_draw(draw: Draw | int) -> Draw:
    """Return the draw that an index belongs to.

    Args:
        draw: A draw, which is returned unchanged; or a bare index. That belongs to the draw which a
            ``DrawnDataset`` is reading; otherwise it becomes a draw at position -1, seeded from the worker's
            torch generator.
    """
    if isinstance(draw, Draw):
        return draw
    current = _current.get()
    return Draw(int(draw), -1, int(torch.randint(2**62, ()))) if current is None else current.at(int(draw))


class DrawnDataset(Dataset):
    """A dataset of another package under ``InfiniteDraws``: its random numbers follow from the draws.

    The global generators of Python, NumPy and PyTorch (CPU) are seeded for each sample, and restored after
    it. A dataset of this package inside, as in PyTorch's ``Subset``, gets the draw even where the wrapper
    passes a bare index. Any other attribute is the dataset's own.

    Args:
        dataset: The dataset, or its config.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        self.seeds = not all(isinstance(inner, RestorationDataset) for inner in inner_datasets(self.dataset))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Draw | int) -> Any:
        """Load a sample."""
        if not isinstance(draw, Draw):
            return self.dataset[draw]
        token = _current.set(draw)
        try:
            if not self.seeds:
                return self.dataset[draw]
            with _seeded(random_bits(draw, 'dataset')):
                return self.dataset[draw]
        finally:
            _current.reset(token)

    def __getattr__(self, name: str) -> Any:
        if name == 'dataset' or name.startswith('__'):  # 'dataset' is missing while a copy is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)


def follow_draws(dataloader: dict) -> dict:
    """Return the config of a dataloader whose dataset follows the draws of its sampler.

    Args:
        dataloader: A dataloader's config. It is returned unchanged if the sampler is not ``InfiniteDraws``,
            or the dataset is of this package and follows draws by itself.

    Raises:
        InputError: If there is no dataset or sampler of a name.
    """
    dataset, sampler = dataloader.get('dataset'), dataloader.get('sampler')
    if not isinstance(dataset, Mapping) or not isinstance(sampler, Mapping):
        return dataloader
    if not _is_a(InfiniteDraws, DATA_SAMPLERS, sampler) or _is_a(RestorationDataset, DATASETS, dataset):
        return dataloader
    return {**dataloader, 'dataset': dict(type=DrawnDataset, dataset=dataset)}


def _is_a(kind: type, registry: Any, config: Mapping) -> bool:
    name = config.get('type')
    part = registry.get(name) if isinstance(name, str) else name
    return inspect.isclass(part) and issubclass(part, (kind, DrawnDataset))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs, too
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
