"""Pack a folder of images for fast training: python tools/pack_data.py my_photos data/mine_x4"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..packing.pack import Packed

DESCRIPTION = 'Pack images into a store for PackedPairs. Repeat an interrupted command to continue it.'
READS_IMAGES = True
USAGE = """%(prog)s SRC DST [--scale 4 | --lq DIR | --gt-only] [--lq-name NAME] [--gray]
       [--depth 16] [--min-size N [--pad]] [--workers N]
       %(prog)s --verify DST"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.usage = USAGE
    parser.add_argument(
        'source',
        metavar='SRC',
        nargs='?',
        help="folder of GT images, or a pattern of folders: 'GoPro/train/*/sharp'",
    )
    parser.add_argument('store', metavar='DST', nargs='?', help='folder of the store, which must not exist')
    pairs = parser.add_mutually_exclusive_group()
    pairs.add_argument(
        '--scale', type=int, default=4, choices=[2, 3, 4, 8], help="make LQ by MATLAB's bicubic (default: 4)"
    )
    pairs.add_argument('--lq', metavar='DIR', help='folder of LQ images, or a pattern of folders')
    pairs.add_argument(
        '--gt-only', action='store_true', help='pack no LQ images, for recipes that make them while training'
    )
    parser.add_argument(
        '--lq-name',
        metavar='NAME',
        default='{}',
        help="pattern of LQ file names, where {} stands for the GT file's stem: '{}x4' for DIV2K",
    )
    parser.add_argument(
        '--gray',
        action='store_true',
        help='pack one channel, for channels=1: grey images as they are, of colour images Y (BT.601)',
    )
    parser.add_argument(
        '--depth', type=int, default=8, choices=[8, 16], help='bits of a value in the store (default: 8)'
    )
    parser.add_argument(
        '--min-size',
        type=int,
        default=1,
        metavar='N',
        help='leave out and count images of less than N pixels in height or width, such as the crop of the '
        "recipe (its dataset's gt_size)",
    )
    parser.add_argument(
        '--pad', action='store_true', help='pad these images to N by reflection, in place of leaving them out'
    )
    parser.add_argument(
        '--workers', type=int, metavar='N', help='number of processes (default: one for each core)'
    )
    parser.add_argument('--verify', metavar='DST', help='verify the checksums of a store instead')


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse arguments that exclude each other."""
    if (args.verify is None) == (args.store is None):
        parser.error('give SRC and DST, or --verify DST')
    if args.pad and args.min_size == 1:
        parser.error('--pad needs --min-size N, the size to which small images are padded')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..packing.pack import pack_images, verify_store

    if args.verify:
        print(f'{verify_store(args.verify, args.workers)} images in {args.verify} are intact')
        return
    scale = None if args.lq or args.gt_only else args.scale
    channels: Literal[1, 3] = 1 if args.gray else 3
    packed = pack_images(
        args.source,
        args.store,
        scale,
        args.lq,
        args.lq_name,
        args.workers,
        channels,
        args.depth,
        args.min_size,
        args.pad,
    )
    size = f'{packed.bytes / 1e6:,.0f} MB'
    print(f'{packed.images} images packed into {args.store}, {size}{remarks(packed, args.scale)}')


def remarks(packed: Packed, scale: int) -> str:
    """Say how many images were not packed as they are."""
    return (
        f'; {packed.cropped} were cropped to a multiple of {scale}' * bool(packed.cropped)
        + f'; {packed.padded} were padded' * bool(packed.padded)
        + f'; {packed.skipped} were left out, because they are too small' * bool(packed.skipped)
    )


def advice(args: argparse.Namespace) -> str:
    """Say how to continue after an interruption."""
    return 'Repeat the command to continue.'
