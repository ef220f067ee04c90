"""Measure checkpoints: python tools/test.py configs/srgan_x4.py work_dirs/srgan_x4/iter_200000.pth --out report.html"""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

DESCRIPTION = (
    'Measure checkpoints of one architecture beside bicubic, on the benchmark sets that are there and the '
    "config's data."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoints', nargs='+', help='checkpoint files')
    parser.add_argument(
        '--raw',
        action='store_true',
        help='the trained weights, also where a checkpoint has their moving average',
    )
    parser.add_argument(
        '--out',
        metavar='FILE.html',
        help='one page with the table, the images to compare, and the curves of the runs',
    )
    parser.add_argument(
        '--max-images',
        type=int,
        metavar='N',
        help='images of a set on that page (default: all, up to 100 MB together)',
    )
    parser.add_argument('--json', metavar='FILE', help='the figures, those for every image included')
    parser.add_argument('--csv', metavar='FILE', help='the table')
    parser.add_argument(
        '--data-root',
        default='data',
        metavar='DIR',
        help='has Set5/GT and Set5/LQx4, and so on (default: data)',
    )
    parser.add_argument(
        '--lpips', metavar='FILE', help="torchvision's AlexNet weights, where they are not in its cache"
    )
    parser.add_argument('--work-dir', help='where outputs go (default: work_dirs/<name of the config>)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override keys of the config'
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..evaluation.evaluate import evaluate

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    evaluate(
        args.config,
        args.checkpoints,
        args.work_dir,
        args.out,
        args.json,
        args.csv,
        args.max_images,
        args.cfg_options,
        args.launcher,
        args.raw,
        args.data_root,
        args.lpips,
    )
