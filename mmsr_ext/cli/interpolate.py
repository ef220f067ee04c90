"""Interpolate two networks: python tools/interpolate.py A.pth B.pth --alpha 0 0.5 1"""

from __future__ import annotations

import argparse

from mmengine.config import DictAction

from ..errors import printable

DESCRIPTION = 'Write the networks (1 - alpha) A + alpha B, and measure them.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        'a', metavar='A', help='file of the network at alpha = 0, such as one trained for PSNR'
    )
    parser.add_argument('b', metavar='B', help='file of the network at alpha = 1, such as a GAN')
    parser.add_argument('--alpha', type=float, nargs='+', required=True, help='one or more numbers in [0, 1]')
    parser.add_argument(
        '--eval',
        metavar='CONFIG',
        help='also measure on the test set of this config, and plot perception over distortion',
    )
    parser.add_argument('--out', help='output folder (default: work_dirs/interpolate_A_B)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override keys of the config'
    )


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..evaluation.interpolation import save_interpolations

    for path in save_interpolations(args.a, args.b, args.alpha, args.out, args.eval, args.cfg_options):
        print(printable(str(path)))
