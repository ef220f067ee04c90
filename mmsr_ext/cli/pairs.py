"""Make LQ/GT pairs from a folder of images: python tools/make_pairs.py my_photos data/mine"""

from __future__ import annotations

import argparse

DESCRIPTION = "Write GT/ and LQx<scale>/ (MATLAB's bicubic) from a folder of images."
READS_IMAGES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('source', help='folder of images')
    parser.add_argument('out', help='output folder')
    parser.add_argument('--scale', type=int, default=4, choices=[2, 3, 4, 8])


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..packing.make_pairs import make_pairs

    print(f'{make_pairs(args.source, args.out, args.scale)} pairs written to {args.out}')
