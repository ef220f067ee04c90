"""Read crops from a packed store, as batches of stacked tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from mmagic.structures import DataSample
from mmengine.dataset import pseudo_collate
from torch import Tensor

from ..errors import InputError
from ..functional import luma_pixels
from ..io.images import name_all
from ..registry import DATASETS, FUNCTIONS
from ..tool_names import typed_here
from .augmentation import Augmentation
from .base import RestorationDataset, Weighting
from .drawn import as_draw
from .joined_stores import JoinedStores
from .pairs import check_scale
from .sampler import Draw
from .shared_batches import empty_batch


@DATASETS.register_module()
class PackedPairs(RestorationDataset):
    """Crops of a packed store: nothing is decoded, and only the crops are read.

    A draw gets the same crop and augmentation from ``PairedImageDataset`` and ``ImageDataset``.

    Args:
        store: Folder of the store, made by ``tools/pack_data.py``, or a list of stores of one kind.
        scale: GT size / LQ size, which must be the store's; None to read GT alone.
        gt_size: Height and width of the GT crops in pixels, a multiple of ``scale``; None for whole images.
        augment: Flip and transpose at random.
        hint: Advice on how to make the store; appended to the errors about it.
        channels: 3 for RGB. 1 for grey, of a store packed with ``--gray``, and for the Y channel of RGB, as
            ``read_image`` defines it.
        weighting: 'area' draws an image in proportion to its area, as sub-images of one size would be drawn;
            'image' draws every image as often as any other.

    Raises:
        InputError: If the store is missing, damaged, of another version or scale, an image is smaller than
            the crop, stores in a list are of different kinds, or images without crops are weighted by area;
            while reading, if the store has changed.
    """

    def __init__(
        self,
        store: str | Sequence[str],
        scale: int | None = None,
        gt_size: int | None = None,
        augment: bool = False,
        hint: str = '',
        channels: Literal[1, 3] = 3,
        weighting: Weighting = 'image',
    ) -> None:
        self.channels = channels
        self.scale = 1 if scale is None else scale
        check_scale('PackedPairs', self.scale, gt_size)
        self.gt_size = gt_size
        self.augment = augment
        self.parts = [('gt', self.scale)] if scale is None else [('gt', self.scale), ('lq', 1)]
        try:
            self.stores = JoinedStores([store] if isinstance(store, (str, os.PathLike)) else store)
            if scale is not None and self.stores.scale != scale:
                raise InputError(
                    f'{store} has {self.stores.kind}, but the config wants pairs at scale {scale}.'
                )
            if self.stores.pixels.channels < channels:
                raise InputError(
                    f'{store} has one channel, but the config wants 3. Set channels=1 of the dataset, or '
                    'pack the images without --gray.'
                )
        except InputError as error:
            raise InputError(f'{error} {typed_here(hint)}'.strip()) from error
        self._check_sizes()
        self._weigh(weighting, gt_size, self.stores.sizes() if weighting == 'area' else ())

    def _check_sizes(self) -> None:
        if self.gt_size is None:
            return
        size, bad = self.gt_size, []
        for store in self.stores.stores:
            if min(store.size('gt', store.smallest)) >= size:
                continue
            for number in (store.sizes().min(1) < size).nonzero()[0].tolist():
                height, width = store.size('gt', number)
                bad.append(
                    f'{store.name(number)} in {store.folder} is {height}x{width}, smaller than the crop of '
                    f'{size}x{size}.'
                )
        if bad:
            advice = (
                f'Pack again with --min-size {size}, which leaves them out, or --min-size {size} --pad, '
                'which pads them, or set a smaller gt_size.'
            )
            raise InputError(name_all(bad, f'{len(bad)} of {len(self)} images are too small:', advice))

    def __len__(self) -> int:
        return len(self.stores)

    def __getitem__(self, draw: Draw | int) -> dict[str, Any]:
        """Load a sample.

        Args:
            draw: A draw, or a bare index, which is seeded from the worker's torch generator.

        Returns:
            ``gt``, shape (C, H, W), and for pairs ``lq``, shape (C, h, w), RGB or one channel, uint8, or
            uint16 of a store packed with ``--depth 16``; ``draw``, seed and position, (-1, -1) for a bare
            index; ``key``, the image's name.
        """
        self.stores.check_unchanged()
        return {
            name: torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
            for name, value in self.view(draw).items()
        }

    def __getitems__(self, draws: list[Draw | int]) -> dict[str, Any]:
        """Load a batch, equal to ``stack_images`` of its samples, with a single copy."""
        self.stores.check_unchanged()
        return stack_samples([self.view(draw) for draw in draws])

    def view(self, draw: Draw | int) -> dict[str, Any]:
        """Return a sample of arrays that need not be contiguous; the files are not checked for changes."""
        drawn = self._chosen(as_draw(draw))
        augmentation = Augmentation.of(drawn)
        store, number = self.stores.find(drawn.index)
        sample: dict[str, Any] = {}
        for part, unit in self.parts:
            if self.gt_size is None:
                crop = store.image(part, number)
            else:
                size = self.gt_size * unit // self.scale
                top, left = augmentation.corner(*store.size(part, number), size, unit)
                crop = store.rows(part, number, top, size)[:, :, left : left + size]
            if self.channels < len(crop):
                crop = luma_pixels(crop, axis=0)
            sample[part] = augmentation.turn(crop) if self.augment else crop
        sample['draw'] = (drawn.seed, drawn.position) if drawn.position >= 0 else (-1, -1)
        sample['key'] = store.name(number)
        return sample


@FUNCTIONS.register_module()
def stack_images(samples: list[dict[str, Any]] | dict[str, Any], _scope_: str = '') -> dict[str, Any]:
    """Stack samples of ``PackedPairs`` into a batch; collate others with MMEngine's ``pseudo_collate``.

    Samples of ``PackedPairs`` that are mixed with others are converted to the format of the others, MMagic's.

    Args:
        samples: Samples, or a batch, which is returned unchanged.
        _scope_: Not used. MMEngine adds this key to configs that inherit from another package, and passes
            it on.

    Returns:
        ``gt``, shape (N, C, H, W), and for pairs ``lq``, shape (N, C, h, w), uint8 or uint16; ``draws``,
        shape (N, 2), int64, the seed and position of each; ``keys``, their names.

    Raises:
        InputError: If images have different sizes.
    """
    if isinstance(samples, dict):
        return samples
    packed = ['gt' in sample for sample in samples]
    if not all(packed):
        return pseudo_collate(
            _alike([_in_mmagics_format(sample) if own else sample for sample, own in zip(samples, packed)])
        )
    return stack_samples(
        [
            {name: value.numpy() if isinstance(value, Tensor) else value for name, value in sample.items()}
            for sample in samples
        ]
    )


def stack_samples(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Copy samples of arrays, as ``PackedPairs.view`` returns them, into a batch; see ``stack_images``.

    Raises:
        InputError: If images have different sizes, or only some samples have LQ.
    """
    parts = [part for part in ('gt', 'lq') if part in samples[0]]
    if any(('lq' in sample) != ('lq' in samples[0]) for sample in samples):
        raise InputError(
            'a batch cannot have both pairs and GT alone. Give all stores of the dataset the same scale=.'
        )
    depths = {sample[part].dtype for sample in samples for part in parts}
    if len(depths) > 1:
        raise InputError(
            'a batch cannot have images of both 8 and 16 bits. Pack all stores with the same --depth.'
        )
    shapes: dict[str, tuple[int, ...]] = {part: (len(samples), *samples[0][part].shape) for part in parts}
    batch = empty_batch(len(samples), shapes, depths.pop().itemsize)
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


def _in_mmagics_format(sample: dict[str, Any]) -> dict[str, Any]:
    """Convert a sample of ``PackedPairs`` to what ``PairedImageDataset`` and MMagic's datasets return."""
    info = dict(key=sample['key'], gt_path=sample['key'], gt_channel_order='rgb', img_channel_order='rgb')
    seed, position = sample['draw']
    if position >= 0:
        info |= dict(position=position, seed=seed)
    return {
        'inputs': sample.get('lq', sample['gt']),
        'data_samples': DataSample(gt_img=sample['gt'], metainfo=info),
    }


def _alike(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give samples of different datasets the same meta information, None where one has none.

    Stacking demands it, and the same order of the names, which are kept in a set: they are set anew.
    """
    infos: list[Any] = [
        sample.get('data_samples') if isinstance(sample, dict) else None for sample in samples
    ]
    if not all(isinstance(info, DataSample) for info in infos):
        return samples
    names = sorted({name for info in infos for name in info.metainfo_keys()})
    if all(len(names) == len(info.metainfo_keys()) for info in infos):
        return samples
    alike = []
    for sample, info in zip(samples, infos):
        renewed = DataSample(metainfo={name: info.get(name) for name in names})
        for name in sorted(info.keys()):
            renewed.set_field(info.get(name), name)
        alike.append({**sample, 'data_samples': renewed})
    return alike
