"""Measure checkpoints: python tools/test.py configs/srgan_x4.py work_dirs/srgan_x4/iter_200000.pth"""

import argparse
import os

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure checkpoints of one architecture beside bicubic.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoints', nargs='+', help='checkpoint files')
    parser.add_argument('--raw', action='store_true', help='the trained weights, also where a checkpoint has their moving average')
    parser.add_argument('--out', help='a JSON file for the figures')
    parser.add_argument('--work-dir', help='where outputs go (default: work_dirs/<name of the config>)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override keys of the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmsr_ext.apis import evaluate
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    evaluate(args.config, args.checkpoints, args.work_dir, args.out, args.cfg_options, args.launcher, args.raw)


if __name__ == '__main__':
    args = parse_args()
    from mmsr_ext.apis import cli
    cli.run(lambda: main(args))
