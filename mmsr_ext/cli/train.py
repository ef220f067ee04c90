"""Train a model: python tools/train.py configs/srgan_x4.py"""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

from ..tool_names import typed

DESCRIPTION = 'Train a model.'
READS_IMAGES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir', help='folder for checkpoints and logs (default: work_dirs/<name of the config>)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='resume the last checkpoint in the work dir, or PATH',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const=True,
        default=False,
        choices=['bfloat16', 'float16'],
        metavar='DTYPE',
        help='automatic mixed precision: bfloat16 or float16 (default: float16 on a GPU, bfloat16 on a CPU)',
    )
    parser.add_argument(
        '--max-hours',
        type=float,
        metavar='H',
        help='save a checkpoint and stop after H hours, with exit status 0',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override keys of the config'
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..training.run import train

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    train(args.config, args.work_dir, args.resume, args.amp, args.cfg_options, args.launcher, args.max_hours)


def advice(args: argparse.Namespace) -> str:
    """Say how to resume; ``dist_train.sh`` puts its own command into MMSR_EXT_COMMAND."""
    command = os.environ.get('MMSR_EXT_COMMAND', typed()).strip()
    return f'Resume with: {command}{"" if args.resume else " --resume"}'
