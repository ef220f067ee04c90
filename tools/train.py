"""Train a model: python tools/train.py configs/srgan_x4.py"""

import argparse
import os
import shlex
import sys

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='where checkpoints and logs go (default: work_dirs/<name of the config>)')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='PATH', help='go on from the last checkpoint in the work dir, or from PATH')
    parser.add_argument('--amp', nargs='?', const=True, default=False, choices=['bfloat16', 'float16'], metavar='DTYPE',
                        help='automatic mixed precision: bfloat16 or float16 (default: float16 on a GPU, bfloat16 on a CPU)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override keys of the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmsr_ext.apis import train
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    train(args.config, args.work_dir, args.resume, args.amp, args.cfg_options, args.launcher)


if __name__ == '__main__':
    args = parse_args()
    from mmsr_ext.apis import cli
    again = shlex.join(['python', *sys.argv, *([] if args.resume else ['--resume'])])
    cli.run(lambda: main(args), f'Go on with: {again}')
