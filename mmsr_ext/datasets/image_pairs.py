"""Pairs of low- and high-quality images in two folders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from mmagic.structures import DataSample
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import InputError
from ..registry import DATASETS
from .imread import image_size, named_images, read_image
from .sampler import Draw


@DATASETS.register_module()
class PairedImageDataset(Dataset):
    """Image pairs from two folders, whole or as random crops.

    Every pair is checked when the dataset is built: that it is complete, that GT is exactly ``scale`` times as large as LQ, and that the
    crop fits. A sample is MMagic's: ``inputs`` (3, h, w) and ``data_samples.gt_img`` (3, H, W), uint8, RGB.

    Args:
        gt_folder (str): Folder of the ground truth, or a pattern of folders: 'GoPro/train/*/sharp'.
        lq_folder (str): Folder of the low-quality images, or a pattern with as many wildcards: 'GoPro/train/*/blur'.
        scale (int): GT size / LQ size.
        gt_size (int, optional): Height and width of the GT crops, a multiple of ``scale``; whole images by default.
        lq_name (str): Name of the LQ file without suffix, where ``{}`` is the GT file's, such as '{}x4' for DIV2K.
        augment (bool): Flip and transpose at random.
        cache (bool): Keep decoded images in memory.
        hint (str): What to do when the folders are missing; added to the error.

    Raises:
        InputError: If a folder is missing or empty, a pair is incomplete or of wrong sizes, or a crop does not fit.
    """

    def __init__(self,
                 gt_folder: str,
                 lq_folder: str,
                 scale: int,
                 gt_size: int | None = None,
                 lq_name: str = '{}',
                 augment: bool = False,
                 cache: bool = False,
                 hint: str = '') -> None:
        self.scale = scale
        self.gt_size = gt_size
        self.augment = augment
        self.cached: dict[Path, np.ndarray] | None = {} if cache else None
        self.metainfo = dict(dataset_type='paired_images', task_name='restoration', folder=str(gt_folder))
        if not isinstance(scale, int) or scale < 1:
            raise InputError(f'PairedImageDataset: scale={scale!r} must be an integer of at least 1.')
        if gt_size is not None and (gt_size < scale or gt_size % scale):
            raise InputError(f'PairedImageDataset: gt_size={gt_size!r} must be a multiple of the scale, {scale}.')
        try:
            self.names, self.pairs = _pair(gt_folder, lq_folder, lq_name)
        except InputError as error:
            raise InputError(f'{error} {hint}'.strip()) from error
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(self._check, self.pairs):
                pass

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, draw: Draw | int) -> dict[str, Tensor | DataSample]:
        """Load a pair.

        Args:
            draw (Draw or int): A draw, whose crop and augmentation follow from its seed and position; or a bare index, for which they
                are drawn from torch's generator.
        """
        index, rng = (draw.index, draw.rng()) if isinstance(draw, Draw) else (draw, random_numbers())
        gt_path, lq_path = self.pairs[index]
        gt, lq = self._images(gt_path, lq_path)
        if self.gt_size is not None:
            lq, gt = _crop(lq, gt, self.gt_size, self.scale, rng)
        if self.augment:
            lq, gt = augment_images([lq, gt], rng)
        sample = DataSample(gt_img=to_tensor(gt))
        sample.set_metainfo(
            dict(key=self.names[index], gt_path=str(gt_path), img_path=str(lq_path), gt_channel_order='rgb', img_channel_order='rgb'))
        if isinstance(draw, Draw):
            sample.set_metainfo(dict(position=draw.position, seed=draw.seed))  # what else is random for it follows from these
        return {'inputs': to_tensor(lq), 'data_samples': sample}

    def _images(self, gt_path: Path, lq_path: Path) -> tuple[np.ndarray, np.ndarray]:
        return self._read(gt_path), self._read(lq_path)

    def _sizes(self, gt_path: Path, lq_path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
        return image_size(gt_path), image_size(lq_path)

    def _read(self, path: Path) -> np.ndarray:
        if self.cached is None:
            return read_image(path)
        if path not in self.cached:
            self.cached[path] = read_image(path)
        return self.cached[path]

    def _check(self, pair: tuple[Path, Path]) -> None:
        gt_path, lq_path = pair
        (gt_h, gt_w), (lq_h, lq_w) = self._sizes(gt_path, lq_path)
        if (gt_h, gt_w) != (lq_h * self.scale, lq_w * self.scale):
            raise InputError(f'{gt_path} is {gt_h}x{gt_w} and {lq_path} is {lq_h}x{lq_w}; at scale {self.scale} the LQ image must be '
                             f'{gt_h / self.scale:g}x{gt_w / self.scale:g}. Set the scale of these data, or make the pairs anew with '
                             'tools/make_pairs.py.')
        if self.gt_size is not None and min(gt_h, gt_w) < self.gt_size:
            raise InputError(f'{gt_path} is {gt_h}x{gt_w}, smaller than the crop of {self.gt_size}x{self.gt_size}. Remove the image, or '
                             'set a smaller gt_size.')


def _pair(gt_folder: str, lq_folder: str, lq_name: str) -> tuple[list[str], list[tuple[Path, Path]]]:
    """Names and files of the pairs."""
    gt, lq = named_images(gt_folder), named_images(lq_folder)
    partners = {key: (*key[:-1], lq_name.format(key[-1])) for key in gt}
    unpaired = [gt[key] for key, partner in partners.items() if partner not in lq]
    unpaired += [lq[key] for key in sorted(lq.keys() - set(partners.values()))]
    if unpaired:
        raise InputError(f'{gt_folder} has {len(gt)} images and {lq_folder} has {len(lq)}, of which {len(unpaired)} have no partner, '
                         f'such as {unpaired[0]}. A GT file NAME.png belongs to the LQ file {lq_name.format("NAME")}.png.')
    return ['_'.join(key) for key in gt], [(gt[key], lq[partner]) for key, partner in partners.items()]


def _crop(lq: np.ndarray, gt: np.ndarray, gt_size: int, scale: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    size = gt_size // scale
    top, left = (int(rng.integers(extent - size + 1)) for extent in lq.shape[:2])
    return (lq[top:top + size, left:left + size],
            gt[top * scale:top * scale + gt_size, left * scale:left * scale + gt_size])


def augment_images(images: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Flip and transpose images (H, W, C) at random, all in the same way."""
    horizontal, vertical, transpose = rng.random(3) < 0.5
    if horizontal:
        images = [image[:, ::-1] for image in images]
    if vertical:
        images = [image[::-1] for image in images]
    if transpose:
        images = [image.transpose(1, 0, 2) for image in images]
    return images


def to_tensor(image: np.ndarray) -> Tensor:
    """(H, W, C) to (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def random_numbers() -> np.random.Generator:
    """What to draw from for a sample without a ``Draw``: it follows from torch's generator, which each worker has its own of."""
    return np.random.default_rng(int(torch.randint(2**62, ())))
