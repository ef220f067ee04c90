"""The data: a packed store beside MMagic's pipeline on PNG files."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import InfiniteSampler, pseudo_collate
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import DataLoader

from ..datasets import InfiniteDraws, PackedPairs, stack_images
from ..functional import imresize
from ..packing.pack import pack_images
from ..registry import DATASETS, MODELS
from .report import Report, interleaved, median_ratio

HELP = (
    "samples/s of a packed store and of MMagic's pipeline on PNG files, alone and in loaders; speed of "
    'packing'
)
SCALE = 4
NORMALISATION = dict(mean=[0.0] * 3, std=[255.0] * 3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this measurement."""
    parser.add_argument(
        '--workers', type=int, default=2, help='of the loaders that are compared (default: 2)'
    )
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument(
        '--patch', type=int, default=128, help='size of the GT crops in pixels (default: 128)'
    )
    parser.add_argument(
        '--size', type=int, default=480, help='size of the GT images in pixels (default: 480)'
    )
    parser.add_argument('--images', type=int, default=100, help='number of images (default: 100)')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=1.0, help='of a side in a round, about (default: 1)')


def measure(args: argparse.Namespace) -> Report:
    """Compare on random images with the spectrum of photographs, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        files = _write_images(Path(folder), args.images, args.size)
        stores = (Path(folder, f'store{number}') for number in range(args.rounds + 1))
        megabytes = args.images * args.size**2 * 3 / 1e6
        pack_images(Path(folder, 'GT'), store := next(stores), SCALE)
        packing = [
            _seconds(lambda: pack_images(Path(folder, 'GT'), next(stores), SCALE, workers=0))
            for _ in range(args.rounds)
        ]

        theirs, ours = (
            _mmagic_dataset(Path(folder), args.patch),
            PackedPairs(str(store), SCALE, args.patch, augment=True),
        )
        single = interleaved(
            {
                'mmagic': lambda: _rate(
                    (theirs[index] for index in InfiniteSampler(theirs, seed=0)), args.seconds
                ),
                'mmsr_ext': lambda: (
                    args.batch_size
                    * _rate(_batches(ours, InfiniteDraws(ours, seed=0), args.batch_size), args.seconds)
                ),
            },
            args.rounds,
        )
        rows = [_row('dataset, one core', 'samples/s', 100, single['mmsr_ext'], single['mmagic'])]

        preprocessor = MODELS.build(dict(type='ImagePreprocessor', **NORMALISATION))
        stock = MODELS.build(dict(type='mmagic.DataPreprocessor', **NORMALISATION))

        def loader(
            count: int,
            preprocess: Callable[..., Any] | None = None,
            dataset: Any = ours,
            collate: Callable[..., Any] = stack_images,
        ) -> Callable[[], float]:

            def side() -> float:
                draws = (
                    InfiniteSampler(dataset, seed=0) if dataset is theirs else InfiniteDraws(dataset, seed=0)
                )
                # a loader of its own, so that no other one's workers fetch batches ahead meanwhile
                batches: Iterator[Any] = iter(
                    DataLoader(dataset, args.batch_size, sampler=draws, num_workers=count, collate_fn=collate)
                )
                if preprocess is not None:
                    batches = (preprocess(batch, training=True) for batch in batches)
                return args.batch_size * _rate(batches, args.seconds, skip=4 * count + 2)

            return side

        cores = len(os.sched_getaffinity(0))
        counts = sorted({0, args.workers, *(2**power for power in range(cores.bit_length())), cores})
        sides = {f'alone {count}': loader(count) for count in counts}
        sides['whole'] = loader(args.workers, preprocessor)
        sides['mmagic'] = loader(args.workers, stock, theirs, pseudo_collate)
        loaded = interleaved(sides, args.rounds)
        rows.append(
            _row(
                f'loader of {args.workers} workers, collate, preprocessor',
                'samples/s',
                20,
                loaded['whole'],
                loaded['mmagic'],
            )
        )
        rows += [
            _row(f'loader of {count} workers, collate', 'samples/s', None, loaded[f'alone {count}'])
            for count in counts
        ]
        rows.append(
            _row('packing, one core', 'MB of pixels/s', None, [megabytes / seconds for seconds in packing])
        )
    title = (
        f'Data: {args.images} images of {args.size} px, {files / args.images / 1e3:.0f} kB as PNG; pairs '
        f'x{SCALE}, crops of {args.patch} px, flipped and transposed at random; batch {args.batch_size}; '
        f'medians of {args.rounds} rounds'
    )
    return Report(
        title,
        rows,
        [
            (
                'MMagic: the training pipeline of its SRGAN config; InfiniteSampler, pseudo_collate and '
                "DataPreprocessor in the loader's row."
            ),
            (
                'The files are in the page cache. Packing reads PNG, makes LQ by bicubic, writes, and checks '
                'what is written.'
            ),
        ],
    )


def _write_images(folder: Path, count: int, size: int) -> int:
    """Write GT and LQ images of noise at all scales as PNG; return the bytes of the GT files."""
    for part in ('GT', 'LQ'):
        (folder / part).mkdir()
    rng, total = np.random.default_rng(0), 0
    for number in range(count):
        image = np.zeros((size, size, 3), np.float32)
        for cells in (2**power for power in range(2, size.bit_length())):
            grey = rng.normal(size=(cells, cells, 1)) + 0.3 * rng.normal(size=(cells, cells, 3))
            image += (
                cv2.resize(grey.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
                * 4
                / cells**0.7
            )
        image = 128 + image * 50 / image.std()
        gt = (image + rng.normal(size=image.shape)).clip(0, 255).astype(np.uint8)
        lq = imresize(torch.from_numpy(gt).permute(2, 0, 1), 1 / SCALE).permute(1, 2, 0).numpy()
        for part, pixels in [('GT', gt), ('LQ', lq)]:
            Image.fromarray(pixels).save(folder / part / f'{number:04}.png')
        total += (folder / 'GT' / f'{number:04}.png').stat().st_size
    return total


def _mmagic_dataset(folder: Path, patch: int) -> Any:
    """Return the dataset of MMagic's srgan_x4c64b16_1xb16-1000k_div2k.py."""
    pipeline = [
        dict(type='LoadImageFromFile', key='img', color_type='color', channel_order='rgb'),
        dict(type='LoadImageFromFile', key='gt', color_type='color', channel_order='rgb'),
        dict(type='SetValues', dictionary=dict(scale=SCALE)),
        dict(type='PairedRandomCrop', gt_patch_size=patch),
        dict(type='Flip', keys=['img', 'gt'], flip_ratio=0.5, direction='horizontal'),
        dict(type='Flip', keys=['img', 'gt'], flip_ratio=0.5, direction='vertical'),
        dict(type='RandomTransposeHW', keys=['img', 'gt'], transpose_ratio=0.5),
        dict(type='PackInputs'),
    ]
    with DefaultScope.overwrite_default_scope('mmagic'):
        return DATASETS.build(
            dict(
                type='mmagic.BasicImageDataset',
                metainfo=dict(dataset_type='sr', task_name='sisr'),
                data_root=str(folder),
                data_prefix=dict(img='LQ', gt='GT'),
                pipeline=pipeline,
            )
        )


def _batches(dataset: PackedPairs, draws: Iterable[Any], size: int) -> Iterator[Any]:
    draws = iter(draws)
    while True:
        yield dataset.__getitems__(list(islice(draws, size)))


def _rate(steps: Iterator[Any], seconds: float, skip: int = 2) -> float:
    """Return steps a second, after skipping some that may have been prefetched."""
    for _ in range(skip):
        next(steps)
    start, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds or not count:
        next(steps)
        count += 1
    return count / elapsed


def _seconds(work: Callable[[], Any]) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    work()
    torch.set_num_threads(threads)
    return time.perf_counter() - start


def _row(
    what: str, unit: str, target: int | None, ours: list[float], theirs: list[float] | None = None
) -> dict[str, Any]:
    return {
        'what': what,
        'unit': unit,
        'MMagic': statistics.median(theirs) if theirs else None,
        'mmsr_ext': statistics.median(ours),
        'ratio': median_ratio(ours, theirs) if theirs else None,
        'target': None if target is None else f'>= {target}',
    }
