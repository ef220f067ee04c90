"""Upscaling an image: MMagic's inference tile by tile, and Upscaler, with the same network and tiles."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import DefaultScope
from torch import nn

from ..errors import InputError
from ..functional.tiles import split
from ..machine import pick_device
from ..upscaling.upscaler import Upscaler
from .memory import resident_growth
from .report import Report, interleaved, median_ratio

HELP = "upscaling an image: MMagic's inference tile by tile, and Upscaler, with the same network and tiles"
NETWORKS: dict[str, dict[str, Any]] = {
    'compact': dict(type='mmsr_ext.SRVGGNetCompact'),
    'rrdb': dict(type='mmagic.RRDBNet', in_channels=3, out_channels=3, num_blocks=23),
    'msrresnet': dict(type='mmagic.MSRResNet', in_channels=3, out_channels=3),
}
MIB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this subject."""
    parser.add_argument(
        '--network', choices=NETWORKS, default='compact', help='x4, random weights (default: compact)'
    )
    parser.add_argument(
        '--device',
        type=pick_device,
        default='auto',
        help='cpu, cuda, ... (default: CUDA, then MPS, then CPU)',
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=[512, 768],
        metavar=('H', 'W'),
        help='of the image (default: 512 768)',
    )
    parser.add_argument('--tile', type=int, default=256, help='side of the tiles (default: 256)')
    parser.add_argument('--overlap', type=int, default=32, help='of the tiles (default: 32)')
    parser.add_argument(
        '--precision',
        nargs='+',
        choices=['fp32', 'bf16', 'fp16'],
        default=['fp32'],
        help='of ours; MMagic has fp32',
    )
    parser.add_argument('--rounds', type=int, default=5, help='images of each side (default: 5)')


def measure(args: argparse.Namespace) -> Report:
    """Send one image through both sides in turns; measure the memory of each in a process of its own."""
    if min(args.size) < 1 or args.rounds < 1:
        raise InputError(f'--size {args.size} and --rounds {args.rounds} must be at least 1.')
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / 'net.pth'
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmsr_ext'):
            torch.save(dict(params=_build(NETWORKS[args.network]).state_dict()), weights)
        names = ['MMagic', *(f'ours, {precision}' for precision in args.precision)]
        sides = {name: Side(name, args, weights) for name in names}
        memory = {
            name: side.peak() if side.on_gpu else resident_growth(Side, name, args, weights)
            for name, side in sides.items()
        }
        for side in sides.values():
            side()
        times = interleaved(sides, args.rounds)
    megapixels = args.size[0] * args.size[1] * 16 / 1e6
    rows = [
        {
            'side': name,
            'MP/s': megapixels / statistics.median(times[name]),
            'times MMagic': 1 / median_ratio(times[name], times['MMagic']),
            'seconds': statistics.median(times[name]),
            'memory (MiB)': memory[name] / MIB,
            'tile': sides[name].tile,
        }
        for name in names
    ]
    on_gpu = args.device.startswith('cuda')
    memory_note = (
        'torch.cuda.max_memory_allocated' if on_gpu else 'growth of the resident set in a fresh process'
    )
    return Report(
        f'Upscaling x4 an image of {args.size[0]}x{args.size[1]} with {args.network}, {args.device}; median '
        f'of {args.rounds} rounds, in which the sides take turns',
        rows,
        [
            'MP: megapixels of the result, as 8-bit integers on the host',
            (
                "the same tiles for both; MMagic's test_step is given one at a time, and its outputs are cut "
                'and pasted, ours are blended'
            ),
            f'memory, the result included: {memory_note} while one image is upscaled',
        ],
    )


class Side:
    """A call upscales the image, and gives the seconds that it took.

    Args:
        name: 'MMagic', or 'ours, ' and the precision.
        args: Sizes and device.
        weights: Of the network.
    """

    def __init__(self, name: str, args: argparse.Namespace, weights: Path) -> None:
        self.on_gpu = args.device.startswith('cuda')
        self.image = np.random.default_rng(0).integers(0, 256, (*args.size, 3), np.uint8)
        self.tile = f'{args.tile} px'
        if name == 'MMagic':
            self.cuts = [split(size, args.tile, args.overlap) for size in args.size]
            self.model = mmagics(args.network, weights).to(args.device)
        else:
            precision: Any = name.removeprefix('ours, ')
            self.upscaler = Upscaler(weights, args.device, precision, args.tile, args.overlap)
        self.upscale = self._theirs if name == 'MMagic' else self._ours

    def __call__(self) -> float:
        """Return the seconds for the image."""
        start = time.perf_counter()
        self.upscale()
        return time.perf_counter() - start

    def peak(self) -> int:
        """Return the bytes used on the GPU."""
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.upscale()
        return torch.cuda.max_memory_allocated() - before

    def _ours(self) -> np.ndarray:
        return self.upscaler(self.image)

    def _theirs(self) -> np.ndarray:
        from mmagic.structures import DataSample

        rows, columns = self.cuts
        result = np.empty((self.image.shape[0] * 4, self.image.shape[1] * 4, 3), np.uint8)
        for row in range(len(rows.starts)):
            for column in range(len(columns.starts)):
                (top, bottom), (left, right) = rows.extent(row), columns.extent(column)
                tile = torch.from_numpy(self.image[top:bottom, left:right].transpose(2, 0, 1).copy())
                with torch.no_grad():
                    (sample,) = self.model.test_step(dict(inputs=[tile], data_samples=[DataSample()]))
                output = sample.output.pred_img.round().to(torch.uint8).permute(1, 2, 0).numpy()
                (first, last), (start, stop) = rows.used(row), columns.used(column)
                result[4 * first : 4 * last, 4 * start : 4 * stop] = output[
                    4 * (first - top) : 4 * (last - top), 4 * (start - left) : 4 * (stop - left)
                ]
        return result


def mmagics(network: str, weights: Path) -> Any:
    """Build MMagic's restorer in eval mode, with its own preprocessor."""
    with DefaultScope.overwrite_default_scope('mmagic'):
        model: Any = _build(
            dict(
                type='mmagic.BaseEditModel',
                generator=NETWORKS[network],
                pixel_loss=dict(type='mmagic.L1Loss'),
                data_preprocessor=dict(
                    type='mmagic.DataPreprocessor', mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]
                ),
            )
        )
    model.generator.load_state_dict(torch.load(weights, weights_only=True)['params'])
    return model.eval()


def _build(config: dict[str, Any]) -> nn.Module:
    from ..registry import MODELS

    return MODELS.build(dict(config))
