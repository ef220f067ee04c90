"""A training step of MMagic's restorer and of ours, with the same networks, losses, weights and batch."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..errors import InputError
from ..machine import pick_device
from .memory import resident_growth
from .report import Report, interleaved, median_ratio
from .side import Side

HELP = (
    "a training step: MMagic's restorer as it ships it, and ours, on the same networks, losses, weights and "
    'batch'
)
RECIPES = ('srgan', 'esrgan', 'realesrgan')
MIB = 2**20

# Ours without one of the switches, or with one more. 'ours' alone is configs/_base_/fast.py.
SWITCHES: dict[str, dict[str, Any]] = {
    'ours, not channels_last': dict(channels_last=False),
    'ours, optimizer not fused': dict(fused=False),
    'ours, logged values read every step': dict(read_every_step=True),
    'ours, VGG in bfloat16': dict(vgg_dtype='bfloat16'),
    'ours, generator compiled': dict(compile=('generator',)),
    'ours, discriminator compiled': dict(compile=('discriminator',)),
    'ours, VGG compiled': dict(compile=('perceptual',)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this subject."""
    parser.add_argument('--recipe', choices=RECIPES, default='srgan')
    parser.add_argument(
        '--device',
        type=pick_device,
        default='auto',
        help='cpu, cuda, ... (default: CUDA, then MPS, then CPU)',
    )
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--patch', type=int, default=128, help='height and width of GT')
    parser.add_argument(
        '--blocks', type=int, help='blocks of the generator (default: srgan 16; else 23 on a GPU, 3 on a CPU)'
    )
    parser.add_argument('--dtype', nargs='+', choices=['float32', 'bfloat16', 'float16'], default=['float32'])
    parser.add_argument('--rounds', type=int, default=9, help='measured steps of each side')
    parser.add_argument('--switches', action='store_true', help='a row for every switch')
    parser.add_argument(
        '--no-disc-only', action='store_true', help='leave out the steps that update the discriminator alone'
    )


def measure(args: argparse.Namespace) -> Report:
    """Run steps of both sides in turns, precision by precision."""
    if args.batch < 2:
        raise InputError(f'--batch {args.batch} must be at least 2, because of the batch normalisation.')
    if args.patch % 32 or args.patch < 32 or (args.patch != 128 and args.recipe != 'realesrgan'):
        raise InputError(
            f'--patch {args.patch} must be {"a multiple of 32" if args.recipe == "realesrgan" else "128"}, '
            'which is what '
            "MMagic's discriminator takes."
        )
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise InputError(f'--device {args.device}: no GPU is visible to PyTorch. Use --device cpu.')
    if args.device == 'cpu' and 'float16' in args.dtype:
        raise InputError('--dtype float16 needs a GPU; on the CPU use bfloat16.')
    args.blocks = args.blocks or (
        16 if args.recipe == 'srgan' else 23 if args.device.startswith('cuda') else 3
    )
    rows = []
    for disc_only in [False] if args.no_disc_only else [False, True]:
        for dtype in args.dtype:
            rows += _rows(args, dtype, disc_only)
    return Report(
        f'A training step of {args.recipe}: {args.blocks} blocks, batch {args.batch}, {args.patch} px, '
        f'{args.device}; median of {args.rounds} rounds, in which the sides take turns; ceiling '
        f'{_ceiling(args.device, torch.float32) / 1e9:.0f} GFLOP/s in float32',
        rows,
        [
            (
                'ratios are ours to MMagic in float32 (first) and at the same precision (second), medians '
                'over the rounds'
            ),
            (
                "MMagic reads its logged values at every step, as MMEngine's hook does; ours are kept for "
                'one transfer a log interval'
            ),
            'peak memory: '
            + (
                'torch.cuda.max_memory_allocated of a step'
                if args.device.startswith('cuda')
                else 'growth of the resident set over three steps of a fresh process, optimizers included'
            ),
            *(
                [
                    'steady: a step of 20 that do not wait for the GPU in between; GPU busy: the share of '
                    'their time in which kernels ran'
                ]
                if args.device.startswith('cuda')
                else []
            ),
            'G, D, VGG: forward calls in a step; % of ceiling: FLOP of the side / its time / the better of '
            'a large convolution and a large matrix product at that precision, measured in this run',
        ],
    )


def _rows(args: argparse.Namespace, dtype: str, disc_only: bool) -> list[dict[str, Any]]:
    """Measure one precision; return its rows of the table."""
    variants: dict[str, dict[str, Any]] = {'MMagic': dict(theirs=True, dtype='float32')}
    if dtype != 'float32':
        variants[f'MMagic, {dtype}'] = dict(theirs=True, dtype=dtype)
    variants['ours'] = dict(dtype=dtype)
    if args.switches and not disc_only:
        variants |= {name: dict(dtype=dtype, **switch) for name, switch in SWITCHES.items()}
    sides = {name: Side(args, disc_only=disc_only, **options) for name, options in variants.items()}
    # on a CPU the compiler's own memory would hide what a step takes
    memory = {
        name: side.peak_memory()
        if side.on_gpu
        else resident_growth(_three_steps, args, disc_only, variants[name])
        for name, side in sides.items()
        if side.on_gpu or not variants[name].get('compile')
    }
    flop, calls = {}, {}
    for name, side in sides.items():
        flop[name], calls[name] = side.count()
        for _ in range(2):
            side.step()
    times = interleaved({name: side.step for name, side in sides.items()}, args.rounds)
    steady = {name: side.steady() for name, side in sides.items() if side.on_gpu}
    ceiling = _ceiling(args.device, getattr(torch, dtype))
    base = f'MMagic, {dtype}' if dtype != 'float32' else 'MMagic'
    return [
        {
            'updates': 'D' if disc_only else 'G and D',
            'precision': sides[name].dtype,
            'side': name,
            'step (ms)': 1e3 * statistics.median(times[name]),
            'ratio': median_ratio(times[name], times['MMagic']),
            'ratio, same precision': median_ratio(times[name], times[base])
            if sides[name].dtype == dtype
            else None,
            'host (ms)': 1e3 * statistics.median(sides[name].host[-args.rounds :])
            if sides[name].on_gpu
            else None,
            'steady (ms)': 1e3 * steady[name][0] if name in steady else None,
            'GPU busy (%)': 100 * steady[name][1] if name in steady else None,
            'peak (MiB)': memory[name] / MIB if name in memory else None,
            'ratio of peaks': memory[name] / memory['MMagic'] if name in memory else None,
            'G, D, VGG': calls[name],
            'GFLOP': flop[name] / 1e9,
            '% of ceiling': 100 * flop[name] / statistics.median(times[name]) / ceiling,
        }
        for name in sides
    ]


def _three_steps(
    args: argparse.Namespace, disc_only: bool, options: dict[str, Any]
) -> Callable[[], list[float]]:
    side = Side(args, disc_only=disc_only, **options)
    return lambda: [side.step() for _ in range(3)]


def _ceiling(device: str, dtype: torch.dtype) -> float:
    """Return FLOP/s of the better of a large convolution and a large matrix product."""
    size, channels = (4096, 256) if device.startswith('cuda') else (1024, 64)
    a, b = (torch.rand(size, size, device=device, dtype=dtype) for _ in range(2))
    x = torch.rand(8, channels, 128, 128, device=device, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.rand(channels, channels, 3, 3, device=device, dtype=dtype).to(
        memory_format=torch.channels_last
    )
    work = {
        (lambda: a @ b): 2 * size**3,
        (lambda: nn.functional.conv2d(x, weight, padding=1)): 2 * 9 * channels**2 * 8 * 128 * 128,
    }
    best = 0.0
    for function, flop in work.items():
        for _ in range(5):
            if device.startswith('cuda'):
                torch.cuda.synchronize()
            start = time.perf_counter()
            function()
            if device.startswith('cuda'):
                torch.cuda.synchronize()
            best = max(best, flop / (time.perf_counter() - start))
    return best
