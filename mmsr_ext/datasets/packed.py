"""Read crops from a packed store, as batches of stacked tensors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import InputError
from ..functional import luma_pixels
from ..registry import DATASETS, FUNCTIONS
from .augmentation import Augmentation, as_draw
from .pairs import check_scale
from .sampler import Draw
from .shared_batches import empty_batch
from .store import Store


@DATASETS.register_module()
class PackedPairs(Dataset):
    """Crops of a packed store: nothing is decoded, and only the crops are read.

    A draw gets the same crop and augmentation from ``PairedImageDataset`` and ``ImageDataset``.

    Args:
        store: Folder of the store, made by ``tools/pack_data.py``.
        scale: GT size / LQ size, which must be the store's; None to read GT alone.
        gt_size: Height and width of the GT crops in pixels, a multiple of ``scale``; None for whole images.
        augment: Flip and transpose at random.
        hint: Advice on how to make the store; appended to the errors about it.
        channels: 3 for RGB. 1 for grey, of a store packed with ``--gray``, and for the Y channel of RGB, as
            ``read_image`` defines it.

    Raises:
        InputError: If the store is missing, damaged, of another version or scale, or an image is smaller than
            the crop; while reading, if the store has changed.
    """

    def __init__(
        self,
        store: str,
        scale: int | None = None,
        gt_size: int | None = None,
        augment: bool = False,
        hint: str = '',
        channels: Literal[1, 3] = 3,
    ) -> None:
        self.channels = channels
        self.scale = 1 if scale is None else scale
        check_scale('PackedPairs', self.scale, gt_size)
        self.gt_size = gt_size
        self.augment = augment
        self.metainfo = dict(dataset_type='PackedPairs', task_name='restoration', folder=str(store))
        self.parts = [('gt', self.scale)] if scale is None else [('gt', self.scale), ('lq', 1)]
        try:
            self.store = Store(store)
            if scale is not None and self.store.scale != scale:
                has = f'pairs at scale {self.store.scale}' if self.store.scale else 'GT alone'
                raise InputError(f'{store} has {has}, but the config wants pairs at scale {scale}.')
        except InputError as error:
            raise InputError(f'{error} {hint}'.strip()) from error
        for entry in self.store.entries:
            if gt_size is not None and min(entry.height, entry.width) < gt_size:
                raise InputError(
                    f'{entry.name} in {store} is {entry.height}x{entry.width}, smaller than the crop of '
                    f'{gt_size}x{gt_size}. Pack without it, or set a smaller gt_size.'
                )

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, draw: Draw | int) -> dict[str, Any]:
        """Load a sample.

        Args:
            draw: A draw, or a bare index, which is seeded from the worker's torch generator.

        Returns:
            ``gt``, shape (C, H, W), and for pairs ``lq``, shape (C, h, w), both uint8, RGB or one channel;
            ``draw``, seed and position, (-1, -1) for a bare index; ``key``, the image's name.
        """
        self.store.check_unchanged()
        views = self._views(draw)
        return {
            name: torch.from_numpy(view.copy()) if isinstance(view, np.ndarray) else view
            for name, view in views.items()
        }

    def __getitems__(self, draws: list[Draw | int]) -> dict[str, Any]:
        """Load a batch, equal to ``stack_images`` of its samples, with a single copy."""
        self.store.check_unchanged()
        return _stack([self._views(draw) for draw in draws])

    def _views(self, draw: Draw | int) -> dict[str, Any]:
        drawn = as_draw(draw)
        augmentation = Augmentation.of(drawn)
        sample: dict[str, Any] = {}
        for part, unit in self.parts:
            if self.gt_size is None:
                crop = self.store.image(part, drawn.index)
            else:
                size = self.gt_size * unit // self.scale
                top, left = augmentation.corner(*self.store.size(part, drawn.index), size, unit)
                crop = self.store.rows(part, drawn.index, top, size)[:, :, left : left + size]
            if self.channels == 1:
                crop = luma_pixels(crop, axis=0)
            sample[part] = augmentation.turn(crop) if self.augment else crop
        sample['draw'] = (draw.seed, draw.position) if isinstance(draw, Draw) else (-1, -1)
        sample['key'] = self.store.entries[drawn.index].name
        return sample


@FUNCTIONS.register_module()
def stack_images(samples: list[dict[str, Any]] | dict[str, Any], _scope_: str = '') -> dict[str, Any]:
    """Stack samples of ``PackedPairs`` into a batch; collate others with MMEngine's ``pseudo_collate``.

    Args:
        samples: Samples, or a batch, which is returned unchanged.
        _scope_: Not used. MMEngine adds this key to configs that inherit from another package, and passes
            it on.

    Returns:
        ``gt``, shape (N, C, H, W), and for pairs ``lq``, shape (N, C, h, w), uint8; ``draws``, shape (N, 2),
        int64, the seed and position of each; ``keys``, their names.

    Raises:
        InputError: If images have different sizes.
    """
    if isinstance(samples, dict):
        return samples
    if 'gt' not in samples[0]:
        return pseudo_collate(samples)
    return _stack(
        [
            {name: value.numpy() if isinstance(value, Tensor) else value for name, value in sample.items()}
            for sample in samples
        ]
    )


def _stack(samples: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [part for part in ('gt', 'lq') if part in samples[0]]
    batch = empty_batch(len(samples), {part: (len(samples), *samples[0][part].shape) for part in parts})
    for part in parts:
        for sample, out in zip(samples, batch[part].numpy()):
            if sample[part].shape != out.shape:
                raise InputError(
                    f'a batch cannot have both {samples[0]["key"]} of {out.shape[1]}x{out.shape[2]} and '
                    f'{sample["key"]} of {sample[part].shape[1]}x{sample[part].shape[2]}. Set gt_size of the '
                    'dataset, or batch_size=1.'
                )
            np.copyto(out, sample[part])
    batch['draws'].numpy()[:] = [sample['draw'] for sample in samples]
    batch['keys'] = [sample['key'] for sample in samples]
    return batch
