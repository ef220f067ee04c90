"""How long a start takes, in fresh processes."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError
from .report import Report, interleaved, median_ratio

HELP = "from a command to its first useful moment, beside importing MMagic's models"
ROOT = Path(__file__).parents[2]
REFERENCE = 'import mmagic.models'
CONFIG = """
_base_ = 'mmsr_ext::srgan_x4_demo.py'
_data = dict(_delete_=True, type='PairedImageDataset', gt_folder={gt!r}, lq_folder={lq!r}, scale=4)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(gt_size=32, **_data))
val_dataloader = dict(dataset=_data)
model = dict(generator=dict(mid_channels=4, num_blocks=1, init_cfg=None), discriminator=dict(mid_channels=2))
train_cfg = dict(max_iters=1)
default_hooks = dict(logger=dict(interval=1))
"""  # noqa: E501  lines of the template


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this subject's options."""
    parser.add_argument('--rounds', type=int, default=7, help='processes of each kind (default: 7)')


def measure(args: argparse.Namespace) -> Report:
    """Start each kind of process once a round, in alternating order.

    Args:
        args: ``rounds``.

    Returns:
        Seconds by kind of process, and the ratio to importing MMagic's models.

    Raises:
        InputError: If ``rounds`` is no positive number, there are no tools beside the package, or a process
            fails.
    """
    if args.rounds < 1:
        raise InputError(f'--rounds {args.rounds} must be at least 1.')
    tool = ROOT / 'tools' / 'train.py'
    if not tool.is_file():
        raise InputError(
            f'{tool} does not exist; measure in a checkout of the repository, installed with pip install -e .'
        )
    with tempfile.TemporaryDirectory() as folder:
        config = _tiny_run(Path(folder))
        sides: dict[str, Callable[[], float]] = {
            'import torch': partial(_until, ['-c', 'import torch']),
            'import mmsr_ext': partial(_until, ['-c', 'import mmsr_ext']),
            'tools/train.py --help': partial(_until, [str(tool), '--help']),
            'tools/train.py, first iteration': partial(
                _until, [str(tool), str(config), '--work-dir', folder], 'Iter(train)'
            ),
            # MMagic cannot be imported on today's stack before it is mended
            REFERENCE: partial(_until, ['-c', f'from mmsr_ext import compat; compat.apply(); {REFERENCE}']),
        }
        for side in sides.values():
            side()  # reads all files once, so that no side is the one to fetch them from the disk
        seconds = interleaved(sides, args.rounds)
    rows = [
        {
            'process': name,
            'median s': statistics.median(values),
            'least s': min(values),
            f'of {REFERENCE}': median_ratio(values, seconds[REFERENCE]),
        }
        for name, values in seconds.items()
    ]
    return Report(
        f'Start, {args.rounds} fresh processes each, interleaved',
        rows,
        [
            f"`{REFERENCE}` is what MMagic's own registry does for any of its models; it includes what "
            'import mmsr_ext does, because MMagic has to be mended first (mmsr_ext.compat).',
            'The first iteration is that of SRGAN with tiny networks on tiny images, on the CPU or the GPU '
            'that is there, up to its line in '
            "the log; it includes MMEngine's runner.",
            'The ratio is the median over the rounds.',
        ],
    )


def _until(arguments: list[str], text: str = '') -> float:
    """Return the seconds from the start of a Python process to a line of its output, or to its end."""
    environment = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')])),
    }
    start, seconds, lines = time.perf_counter(), None, []
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            if seconds is None and text and text in line:
                seconds = time.perf_counter() - start
    seconds = time.perf_counter() - start if seconds is None and not text else seconds
    if process.returncode or seconds is None:
        raise InputError(
            f'python {" ".join(arguments)} ended with status {process.returncode}: '
            f'{"".join(lines[-5:]).strip()}'
        )
    return seconds


def _tiny_run(folder: Path) -> Path:
    """Write a config of one iteration on two random pairs into a folder."""
    rng = np.random.default_rng(0)
    for part, edge in (('gt', 32), ('lq', 8)):
        (folder / part).mkdir()
        for index in range(2):
            Image.fromarray(rng.integers(0, 256, (edge, edge, 3), np.uint8)).save(
                folder / part / f'{index}.png'
            )
    config = folder / 'tiny.py'
    config.write_text(CONFIG.format(gt=str(folder / 'gt'), lq=str(folder / 'lq')))
    return config
