"""Images of high quality in a folder."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmagic.structures import DataSample
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import Dataset

from ..arguments import Size
from ..errors import InputError
from ..io.images import image_size, named_images, read_image
from ..registry import DATASETS
from .augmentation import Choices, as_draw, replacement
from .sampler import Draw


@DATASETS.register_module()
class ImageDataset(Dataset):
    """Ground truth alone, for recipes whose data preprocessor makes the low-quality images.

    Every image is checked when the dataset is built: that the crop fits. A sample has one image, (3, H, W),
    uint8, RGB, as ``inputs`` and as ``data_samples.gt_img``.

    Args:
        gt_folder: Folder of the images, or a pattern of folders: 'GoPro/train/*/sharp'.
        gt_size: Height and width of the random crops.
        augment: Flip and transpose at random.
        cache: Keep decoded images in memory.
        hint: What to do when the folder is missing; added to the error.
        on_bad_image: 'stop', or 'skip' to take another image, which follows from the draw alone, in the place
            of one that cannot be read. Each time is logged and counted in ``bad_images``; with workers, each
            worker counts its own.

    Raises:
        InputError: If the folder is missing or empty, or an image is smaller than the crop.
    """

    scale = 1

    def __init__(
        self,
        gt_folder: str,
        gt_size: Size,
        augment: bool = False,
        cache: bool = False,
        hint: str = '',
        on_bad_image: Literal['stop', 'skip'] = 'stop',
    ) -> None:
        self._on_bad_image(on_bad_image)
        self._open({'gt': gt_folder}, gt_size, augment, cache, hint)

    def _open(
        self, folders: dict[str, str], gt_size: int | None, augment: bool, cache: bool, hint: str
    ) -> None:
        self.gt_size = gt_size
        self.augment = augment
        self.cached: dict[Path, np.ndarray] | None = {} if cache else None
        self.metainfo = dict(
            dataset_type=type(self).__name__, task_name='restoration', folder=str(folders['gt'])
        )
        try:
            found = self._find(**folders)
        except InputError as error:
            raise InputError(f'{error} {hint}'.strip()) from error
        self.names, self.files = ['_'.join(key) for key in found], list(found.values())
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(self._check, self.files):
                pass

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, draw: Draw | int) -> dict[str, Tensor | DataSample]:
        """Load a sample.

        Args:
            draw: A draw, whose crop and augmentation follow from its seed and position; or a bare index, for
                which they are drawn from torch's generator.
        """
        drawn = as_draw(draw)
        index, images = self._load(drawn)
        files = self.files[index]
        choices = Choices.of(drawn)
        # the ground truth, and before it LQ where there is one
        units = (1, self.scale)[-len(images) :]
        sizes = [None if self.gt_size is None else self.gt_size * unit // self.scale for unit in units]
        tensors = [
            torch.from_numpy(
                np.ascontiguousarray(choices.view(image.transpose(2, 0, 1), size, unit, self.augment))
            )
            for image, size, unit in zip(images, sizes, units)
        ]
        sample = DataSample(gt_img=tensors[-1])
        info: dict[str, Any] = dict(
            key=self.names[index], gt_path=str(files[-1]), gt_channel_order='rgb', img_channel_order='rgb'
        )
        if len(files) > 1:
            info['img_path'] = str(files[0])
        if isinstance(draw, Draw):
            info |= dict(
                position=draw.position, seed=draw.seed
            )  # what else is random for it follows from these
        sample.set_metainfo(info)
        return {'inputs': tensors[0], 'data_samples': sample}

    def _on_bad_image(self, what: str) -> None:
        self.skips = what == 'skip'
        self.bad_images = 0

    def _load(self, draw: Draw) -> tuple[int, tuple[np.ndarray, ...]]:
        """A sample's index and images, or those of the one that takes its place."""
        try:
            return draw.index, self._images(self.files[draw.index])
        except InputError as error:
            if not self.skips:
                raise
            first = error
        self.bad_images += 1
        print_log(
            f'{first} Another image takes its place; bad images so far (of this worker): {self.bad_images}.',
            'current',
            logging.WARNING,
        )
        count = len(self.files)
        start = replacement(draw)
        for step in range(count):
            index = (start + step) % count
            try:
                return index, self._images(self.files[index])
            except InputError:
                continue
        raise InputError(f'{first} No other image of the {count} can be read either.')

    def _find(self, **folders: str) -> dict[tuple[str, ...], tuple[Path, ...]]:
        """Find the files of the samples by name, ground truth last."""
        return {key: (path,) for key, path in named_images(folders['gt']).items()}

    def _images(self, files: tuple[Path, ...]) -> tuple[np.ndarray, ...]:
        return tuple(self._read(path) for path in files)

    def _sizes(self, files: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
        return tuple(image_size(path) for path in files)

    def _read(self, path: Path) -> np.ndarray:
        if self.cached is None:
            return read_image(path)
        if path not in self.cached:
            self.cached[path] = read_image(path)
        return self.cached[path]

    def _check(self, files: tuple[Path, ...]) -> None:
        try:
            sizes = self._sizes(files)
        except InputError:
            if self.skips:
                return  # it is said when it is drawn
            raise
        if len(files) > 1:
            check_pair(files, sizes, self.scale)
        height, width = sizes[-1]
        if self.gt_size is not None and min(height, width) < self.gt_size:
            raise InputError(
                f'{files[-1]} is {height}x{width}, smaller than the crop of {self.gt_size}x{self.gt_size}. '
                'Remove the image, or set a smaller gt_size.'
            )


def check_pair(files: tuple[Path, ...], sizes: tuple[tuple[int, int], ...], scale: int) -> None:
    """That GT is exactly ``scale`` times as large as LQ.

    Args:
        files: LQ and GT.
        sizes: Their heights and widths.
        scale: GT size / LQ size.

    Raises:
        InputError: If it is not.
    """
    (lq_h, lq_w), (gt_h, gt_w) = sizes
    if (gt_h, gt_w) != (lq_h * scale, lq_w * scale):
        raise InputError(
            f'{files[1]} is {gt_h}x{gt_w} and {files[0]} is {lq_h}x{lq_w}; at scale {scale} the LQ image '
            f'must be {gt_h / scale:g}x{gt_w / scale:g}. Set the scale of these data, or make the pairs anew '
            'with tools/make_pairs.py.'
        )
