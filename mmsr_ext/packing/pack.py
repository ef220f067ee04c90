"""Pack images into a store for ``PackedPairs``.

The store is built in a folder beside its final place, and renamed when it is complete; see ``Unfinished``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..arguments import Size, check_value
from ..datasets.store import (
    Entry,
    Pixels,
    Store,
    checksum,
    lengths_of,
    read_pixels,
    write_header,
    write_index,
    write_pixels,
)
from ..errors import InputError
from ..functional import ImresizeRows, imresize
from ..io.images import read_image
from ..tool_names import tool
from .sources import Small, find_sources, pad_by_reflection
from .unfinished import Source, Unfinished

Scale = Literal[2, 3, 4, 8]


class Packed(NamedTuple):
    """The result of ``pack_images``.

    Args:
        images: Number of images, or pairs, in the store.
        bytes: Bytes of their pixels.
        cropped: Number of images that were cropped, at the bottom and right, to a multiple of the scale.
        skipped: Number of images that were left out, because they are smaller than ``min_size``.
        padded: Number of images that were padded to it.
    """

    images: int
    bytes: int
    cropped: int
    skipped: int = 0
    padded: int = 0


def pack_images(
    source: str | Path | Mapping[str, Path],
    store: str | Path,
    scale: int | None = None,
    lq_folder: str | Path | Mapping[str, Path] | None = None,
    lq_name: str = '{}',
    workers: int | None = None,
    channels: Literal[1, 3] = 3,
    depth: Literal[8, 16] = 8,
    min_size: int = 1,
    pad: bool = False,
) -> Packed:
    """Pack a folder of images, of any sizes, into a store.

    Grey images get three channels, unless ``channels`` is 1. Transparent and CMYK images, animations, damaged
    files and, unless ``depth`` is 16, images of 16 bits are refused, all in one error. Large images need not
    be cut into sub-images, because training reads only the crops.

    >>> from PIL import Image
    >>> Path('photos').mkdir()
    >>> Image.new('RGB', (33, 21)).save('photos/a.png')
    >>> packed = pack_images('photos', 'photos_x4', scale=4, workers=0)
    >>> packed.images, packed.cropped
    (1, 1)

    Args:
        source: Folder of GT images, or a pattern of folders: 'GoPro/train/*/sharp'; or files by the name that
            each image gets.
        store: Folder to make; must not exist.
        scale: 2, 3, 4 or 8, to make LQ by MATLAB's bicubic. Without ``scale`` and ``lq_folder`` only GT is
            packed.
        lq_folder: Folder, or pattern of folders, of LQ images, whose sizes determine the scale; or files by
            the names of ``source``.
        lq_name: Name of an LQ file without suffix, where ``{}`` stands for the GT file's: '{}x4' for DIV2K.
        workers: Number of worker processes; by default one per core; 0 to work in this process.
        channels: 3 for RGB; 1 for grey images as they are, and the Y channel of colour images, see
            ``read_image``.
        depth: Bits of a value, 8 or 16. In a store of 16 bits the values of 8-bit images are multiplied by
            257.
        min_size: Least height and width of an image in the store, in pixels of GT, such as the size of the
            crops that training takes. Smaller images are left out and counted.
        pad: Pad these images at the bottom and right, by reflection, in place of leaving them out.

    Returns:
        How many images were packed, their bytes, and how many were cropped, left out and padded.

    Raises:
        InputError: If images cannot be packed, the store exists, or it cannot be written. The next call with
            the same arguments continues where this one stopped.
    """
    check_value('scale', scale, Scale | None)
    check_value('channels', channels, Literal[1, 3])
    check_value('depth', depth, Literal[8, 16])
    check_value('min_size', min_size, Size)
    pixels = Pixels(channels, depth)
    if scale is not None and lq_folder is not None:
        raise InputError(
            f'scale={scale!r} makes LQ images, and lq_folder={str(lq_folder)!r} already has them. '
            'Give one of the two.'
        )
    store = Path(os.path.abspath(store))
    if store.exists() or store.is_symlink():
        raise InputError(
            f'{store} exists already. Remove it, or choose another name for the store; check it with: '
            f'{tool("pack")} --verify {store}'
        )
    small = Small(min_size, pad)
    found = find_sources(source, scale, lq_folder, lq_name, depth, small)
    sources, bad, scale = found.sources, found.bad, found.scale
    count = len(sources) + len(bad)
    lq = None if scale is None else 'made by bicubic' if lq_folder is None else 'given'
    try:
        with Unfinished(store, dict(scale=scale, lq=lq), sources, pixels) as unfinished:
            entries, damaged = _pack(unfinished, sources, scale, lq, workers)
            bad += damaged
            if bad:
                raise InputError(
                    '\n  '.join([f'{len(bad)} of {count} images cannot be packed:', *bad])
                    + f'\n{store} was not written. Replace or remove these files and repeat the command; '
                    'finished images are kept.'
                )
            lengths = lengths_of(entries, scale, pixels)
            write_index(unfinished.content, scale, lengths, entries, pixels)
            _check(Store(unfinished.content), workers)
            unfinished.finish()
    except OSError as error:
        raise InputError(
            f'{store} cannot be written: {error}. Make room or choose another folder, and repeat the '
            'command; finished images are kept.'
        ) from error
    return Packed(
        len(entries),
        sum(lengths.values()),
        sum(source.cropped for source in sources),
        len(found.skipped),
        sum(source.inner is not None for source in sources),
    )


def verify_store(store: str | Path, workers: int | None = None) -> int:
    """Read a whole store and compare all checksums.

    Args:
        store: Folder of the store.
        workers: Number of worker processes; by default one per core; 0 to work in this process.

    Returns:
        The number of images.

    Raises:
        InputError: If images are damaged; the error names them.
    """
    opened = Store(store)
    _check(opened, workers)
    return len(opened)


def _pack(
    unfinished: Unfinished, sources: list[Source], scale: int | None, lq: str | None, workers: int | None
) -> tuple[list[Entry], list[str]]:
    """Write all images at their offsets. Return their entries, and the errors of files."""
    plan, folder, pixels = unfinished.plan, unfinished.content, unfinished.pixels
    lengths = lengths_of(plan, scale, pixels)
    missing = sum(lengths.values()) - sum(path.stat().st_blocks * 512 for path in folder.glob('*.npy'))
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise InputError(
            f'{folder.parents[1]} has {free / 1e9:.1f} GB free, and the store needs {missing / 1e9:.1f} GB '
            'more. Make room, or choose another folder.'
        )
    for part, length in lengths.items():
        write_header(folder / f'{part}.npy', length, pixels)
    done: dict[int, Entry] = {}
    bad: list[str] = []
    job = partial(_pack_one, folder, pixels, plan, sources, scale, lq, unfinished.in_place)
    for number, result in _parallel(job, len(plan), workers, 'packing'):
        if isinstance(result, str):
            bad.append(result)
        else:
            done[number] = result
            unfinished.note(result, sources[number])
    return [done[number] for number in sorted(done)], sorted(bad)


def _pack_one(
    folder: Path,
    pixels: Pixels,
    plan: list[Entry],
    sources: list[Source],
    scale: int | None,
    lq: str | None,
    in_place: dict[str, Entry],
    number: int,
) -> Entry | str:
    """Write one image at its offset unless it is there. Return its entry, or the error of its file."""
    entry, source = plan[number], sources[number]
    noted = in_place.get(entry.name)
    if noted is not None and all(
        checksum(read_pixels(folder, part, noted, scale, pixels)) == getattr(noted, f'{part}_crc')
        for part in (('gt', 'lq') if scale else ('gt',))
    ):
        return noted
    try:
        images = [read_image(path, pixels.channels, pixels.depth).transpose(2, 0, 1) for path in source.files]
    except InputError as error:
        return str(error)
    height, width = source.inner or (entry.height, entry.width)
    gt = np.ascontiguousarray(images[-1][:, :height, :width])
    arrays = {'gt': gt}
    if scale:
        small = images[0] if lq == 'given' else _reduced(gt, scale)
        arrays['lq'] = np.ascontiguousarray(small)
    if source.inner:
        changed = any(
            array.shape[1:] != (height // unit, width // unit)
            for array, unit in zip(arrays.values(), (1, scale or 1))
        )
        if not changed:
            arrays = {
                part: pad_by_reflection(array, *entry.place(part, scale)[1:])
                for part, array in arrays.items()
            }
    try:
        for part, array in arrays.items():
            if array.shape[1:] != entry.place(part, scale)[1:]:
                return f'{source.files[-1]} was changed while it was being packed.'
            write_pixels(folder, part, entry, array)
    except OSError as error:
        raise InputError(
            f'{folder} cannot be written: {error}. Make room or choose another folder, and repeat the '
            'command; finished images are kept.'
        ) from error
    sums: dict[str, Any] = {f'{part}_crc': checksum(array) for part, array in arrays.items()}
    return entry._replace(**sums)


def _reduced(gt: np.ndarray, scale: int) -> np.ndarray:
    """Reduce an image, (C, H, W), by MATLAB's bicubic, which rounds each of its passes."""
    if gt.dtype == np.uint8:
        return imresize(torch.from_numpy(gt), 1 / scale).numpy()
    resize = ImresizeRows(gt.shape[1], gt.shape[2], 1 / scale)
    return resize.rows(gt.transpose(1, 2, 0), 0, resize.height).transpose(2, 0, 1)


def _check(store: Store, workers: int | None) -> None:
    """Compare all checksums, and name the images that do not match."""
    bad = [
        store.name(number)
        for number, intact in _parallel(store.is_intact, len(store), workers, 'checking')
        if not intact
    ]
    if bad:
        raise InputError(
            '\n  '.join(
                [
                    f'{len(bad)} of {len(store)} images in {store.folder} do not match their checksums:',
                    *sorted(bad),
                ]
            )
            + f'\nCopy the store again, or remove it and pack it again with {tool("pack")}.'
        )


class _Jobs(Dataset):
    def __init__(self, job: Callable[[int], Any], count: int) -> None:
        self.job = job
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[int, Any]:
        return number, self.job(number)


def _unchanged(result: Any) -> Any:
    return result


def _parallel(
    job: Callable[[int], Any], count: int, workers: int | None, title: str
) -> Iterator[tuple[int, Any]]:
    """Run a job for every number below ``count``; yield numbers and results in the order of completion.

    The workers of a data loader pass errors on, end when this process is killed, and use one thread each.
    """
    if workers is None:
        workers = len(os.sched_getaffinity(0))
    loader = DataLoader(
        _Jobs(job, count),
        batch_size=None,
        num_workers=min(workers, count),
        collate_fn=_unchanged,
        in_order=False,
    )
    return iter(tqdm(loader, title, unit=' images', disable=None))
