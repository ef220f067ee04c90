"""Pairs of low-quality and ground-truth images in two folders."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..errors import InputError
from ..io.images import named_images
from ..registry import DATASETS
from .base import Weighting
from .images import ImageDataset


@DATASETS.register_module()
class PairedImageDataset(ImageDataset):
    """Image pairs from two folders, whole or as random crops.

    Building the dataset checks that every pair is complete and of 8-bit images, that GT is exactly ``scale``
    times as large as LQ, and that the crop fits. A sample has MMagic's format: ``inputs``, shape (3, h, w),
    and ``data_samples.gt_img``, shape (3, H, W), uint8, RGB; with ``channels=1`` one channel.

    Args:
        gt_folder: Folder of the ground truth, or a pattern of folders: 'GoPro/train/*/sharp'.
        lq_folder: Folder of the low-quality images, or a pattern with the same number of wildcards:
            'GoPro/train/*/blur'.
        scale: GT size / LQ size.
        gt_size: Height and width of the GT crops in pixels, a multiple of ``scale``; None for whole images.
        lq_name: Name of an LQ file without suffix, where ``{}`` stands for the GT file's: '{}x4' for DIV2K.
        augment: Flip and transpose at random.
        cache: Keep decoded images in memory.
        hint: Advice for a user whose folders are missing; appended to the error.
        on_bad_image: 'stop' or 'skip' when an image cannot be read; see ``ImageDataset``.
        channels: 3 for RGB, 1 for grey and for Y; see ``read_image``.
        weighting: 'area' draws an image in proportion to its area; see ``ImageDataset``.

    Raises:
        InputError: If a folder is missing or empty, a pair is incomplete or its sizes do not match, an
            image is smaller than the crop, or images without crops are weighted by area.
    """

    def __init__(
        self,
        gt_folder: str,
        lq_folder: str,
        scale: int,
        gt_size: int | None = None,
        lq_name: str = '{}',
        augment: bool = False,
        cache: bool = False,
        hint: str = '',
        on_bad_image: Literal['stop', 'skip'] = 'stop',
        channels: Literal[1, 3] = 3,
        weighting: Weighting = 'image',
    ) -> None:
        self._on_bad_image(on_bad_image)
        self.channels = channels
        check_scale(type(self).__name__, scale, gt_size)
        self.scale = scale
        folders = dict(gt=gt_folder, lq=lq_folder, lq_name=lq_name)
        self._open(folders, gt_size, augment, cache, hint, weighting)

    def _find(self, **folders: str) -> dict[tuple[str, ...], tuple[Path, ...]]:
        return find_pairs(folders['gt'], folders['lq'], folders['lq_name'])


def check_scale(name: str, scale: int, gt_size: int | None) -> None:
    """Check that a scale is a positive integer, and the crop size a multiple of it.

    Args:
        name: Name of the dataset class, for the error.
        scale: GT size / LQ size.
        gt_size: Size of the GT crops in pixels; None for whole images.

    Raises:
        InputError: If one of them is not.
    """
    if not isinstance(scale, int) or scale < 1:
        raise InputError(f'{name}: scale={scale!r} must be an integer of at least 1.')
    if gt_size is not None and (not isinstance(gt_size, int) or gt_size < scale or gt_size % scale):
        raise InputError(f'{name}: gt_size={gt_size!r} must be a multiple of the scale, {scale}.')


def find_pairs(
    gt_folder: str | Path, lq_folder: str | Path, lq_name: str = '{}'
) -> dict[tuple[str, ...], tuple[Path, ...]]:
    """Find the files of the pairs; see ``PairedImageDataset`` for the arguments.

    Returns:
        LQ and GT file of every pair, by the name of the GT file.

    Raises:
        InputError: If a folder is missing or empty, or a pair is incomplete.
    """
    gt, lq = named_images(gt_folder), named_images(lq_folder)
    partners = {key: (*key[:-1], lq_name.format(key[-1])) for key in gt}
    unpaired = [gt[key] for key, partner in partners.items() if partner not in lq]
    unpaired += [lq[key] for key in sorted(lq.keys() - set(partners.values()))]
    if unpaired:
        raise InputError(
            f'{gt_folder} has {len(gt)} images and {lq_folder} has {len(lq)}, of which {len(unpaired)} have '
            f'no partner, such as {unpaired[0]}. A GT file NAME.png belongs to the LQ file '
            f'{lq_name.format("NAME")}.png.'
        )
    return {key: (lq[partner], gt[key]) for key, partner in partners.items()}
