"""Find what is to be packed: files, their sizes, and what becomes of small images."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..datasets.images import check_pair
from ..datasets.pairs import find_pairs
from ..errors import InputError
from ..io.images import image_size, name_some, named_images
from .unfinished import Source


class Small(NamedTuple):
    """What becomes of images that are smaller than the crops of training.

    Args:
        least: Least height and width in pixels of GT.
        pad: Pad them to it; else they are left out.
    """

    least: int = 1
    pad: bool = False


class Found(NamedTuple):
    """What ``find_sources`` has found.

    Args:
        sources: What can be packed, as far as the headers of the files tell.
        bad: An error for each other image.
        skipped: Files that are left out, because they are too small.
        scale: GT size / LQ size; None for GT alone.
    """

    sources: list[Source]
    bad: list[str]
    skipped: list[Path]
    scale: int | None


def find_sources(
    gt: str | Path | Mapping[str, Path],
    scale: int | None,
    lq: str | Path | Mapping[str, Path] | None,
    lq_name: str,
    depth: int,
    small: Small,
) -> Found:
    """Find the files to pack, and read their sizes from their headers.

    Args:
        gt: See ``pack_images``, whose ``source`` it is.
        scale: See ``pack_images``.
        lq: See ``pack_images``, whose ``lq_folder`` it is.
        lq_name: See ``pack_images``.
        depth: See ``pack_images``.
        small: What becomes of small images.

    Raises:
        InputError: If folders do not exist, or nothing is left of their images.
    """
    files = _files(gt, lq, lq_name)
    found = Found([], [], [], scale)
    with ThreadPoolExecutor() as pool:
        for (name, paths), sizes in zip(files.items(), pool.map(partial(_sizes, depth), files.values())):
            try:
                if isinstance(sizes, InputError):
                    raise sizes
                if len(sizes) == 2:
                    if found.scale is None:
                        found = found._replace(scale=max(1, round(sizes[1][0] / sizes[0][0])))
                    check_pair(paths, tuple(sizes), found.scale or 1)
                source = _source('/'.join(name), paths, sizes[-1], found.scale or 1, small)
            except InputError as error:
                found.bad.append(str(error))
                continue
            if source is None:
                found.skipped.append(paths[-1])
            else:
                found.sources.append(source)
    if not found.sources and not found.bad:
        raise InputError(
            f'all {len(found.skipped)} images are smaller than --min-size {small.least} '
            f'({name_some(found.skipped)}). Give a smaller one, or pad them with --pad.'
        )
    return found


def pad_by_reflection(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pad an image at the bottom and right.

    The reflection repeats the outermost pixels, as MATLAB's bicubic does beyond the border: the LQ image of a
    padded GT image is then the padded LQ image.

    >>> pad_by_reflection(np.array([[[1, 2, 3]]]), 1, 5)
    array([[[1, 2, 3, 3, 2]]])

    Args:
        image: Shape (C, H, W).
        height: Height of the result, at least H.
        width: Width of the result, at least W.
    """
    more = (height - image.shape[1], width - image.shape[2])
    return np.pad(image, ((0, 0), (0, more[0]), (0, more[1])), mode='symmetric')


def _files(
    gt: str | Path | Mapping[str, Path], lq: str | Path | Mapping[str, Path] | None, lq_name: str
) -> Mapping[tuple[str, ...], tuple[Path, ...]]:
    if isinstance(gt, Mapping):
        if lq is None:
            return {(name,): (path,) for name, path in gt.items()}
        if not isinstance(lq, Mapping) or lq.keys() != gt.keys():
            raise InputError('the LQ images must be given by the names of the GT images, as these are.')
        return {(name,): (lq[name], path) for name, path in gt.items()}
    if isinstance(lq, Mapping):
        raise InputError('the LQ images must be given as a folder, as the GT images are.')
    if lq is None:
        return {name: (path,) for name, path in named_images(gt).items()}
    return find_pairs(str(gt), str(lq), lq_name)


def _source(
    name: str, files: tuple[Path, ...], size: tuple[int, int], scale: int, small: Small
) -> Source | None:
    """Return what becomes of an image of a size; None if it is left out."""
    height, width = (side - side % scale for side in size)
    if min(size) < small.least and not small.pad:
        return None
    if not height or not width:
        raise InputError(f'{files[-1]} is {size[0]}x{size[1]}, smaller than the scale, {scale}.')
    least = -(-small.least // scale) * scale
    whole = max(height, least), max(width, least)
    inner = (height, width) if small.pad and whole != (height, width) else None
    if inner is None and min(height, width) < small.least:
        return None  # only the multiple of the scale is too small
    high, wide = whole if inner else (height, width)
    return Source(name, files, high, wide, (height, width) != size, inner)


def _sizes(depth: int, files: tuple[Path, ...]) -> list[tuple[int, int]] | InputError:
    try:
        return [image_size(path, depth) for path in files]
    except InputError as error:
        return error
