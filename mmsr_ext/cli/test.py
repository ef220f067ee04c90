"""Measure checkpoints: python tools/test.py configs/srgan_x4.py CHECKPOINT --out report.html"""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

DESCRIPTION = (
    'Measure checkpoints of one architecture, and bicubic beside them, '
    "on the benchmark sets in --data-root and on the config's test data."
)
READS_IMAGES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('config', nargs='?', help='config file; not needed with --images')
    parser.add_argument('checkpoints', nargs='*', help='checkpoint files')
    parser.add_argument(
        '--images',
        nargs='+',
        action='extend',
        metavar='FOLDER',
        help='measure folders of finished outputs, whatever made them: FOLDER, or FOLDER/SET/x4, has files '
        'named as the ground truth',
    )
    parser.add_argument(
        '--name',
        nargs='+',
        action='extend',
        metavar='X',
        help='names of these folders in the table (default: the names of the folders)',
    )
    parser.add_argument(
        '--scale', type=int, help='scale of --images (default: told by names such as x4), without a config'
    )
    parser.add_argument(
        '--border', type=int, help='pixels not measured at each side of --images (default: the scale)'
    )
    parser.add_argument(
        '--gt', metavar='DIR', help='ground truth of --images (default: the sets in --data-root)'
    )
    parser.add_argument(
        '--raw',
        action='store_true',
        help='measure the trained weights even if a checkpoint has their moving average',
    )
    parser.add_argument(
        '--out',
        metavar='FILE.html',
        help='write a page with the table, images to compare, and the curves of the runs',
    )
    parser.add_argument(
        '--max-images',
        type=int,
        metavar='N',
        help='number of images of each set on that page (default: all, up to 100 MB in total)',
    )
    parser.add_argument('--json', metavar='FILE', help='write the figures, including those of every image')
    parser.add_argument('--csv', metavar='FILE', help='write the table')
    parser.add_argument(
        '--data-root',
        default='data',
        metavar='DIR',
        help='folder that has Set5/GT, Set5/LQx4, Set14/GT and so on (default: data)',
    )
    parser.add_argument(
        '--lpips', metavar='FILE', help="torchvision's AlexNet weights, if they are not in its cache"
    )
    parser.add_argument('--work-dir', help='folder for outputs (default: work_dirs/<name of the config>)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override keys of the config, such as model.test_cfg.tile=256 where memory does not suffice',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse arguments that do not go together."""
    if not args.checkpoints and (args.config or not args.images):
        parser.error('give CONFIG and CHECKPOINTS, or folders of outputs with --images FOLDER')
    if args.name and not args.images:
        parser.error('--name names a folder of --images')
    for option in ('scale', 'border', 'gt'):
        value = getattr(args, option)
        if value is not None and (args.config or not args.images):
            parser.error(f'--{option} is for --images without a config; a config gives its own')
        if option != 'gt' and value is not None and value < (option == 'scale'):
            parser.error(f'--{option} {value} must be at least {int(option == "scale")}')


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
        args.images,
        args.name,
        args.scale,
        args.border,
        args.gt,
    )
