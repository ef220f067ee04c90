"""Write data/demo from the photographs in scikit-image, without a download."""

from __future__ import annotations

import argparse
from pathlib import Path

TRAIN = (
    'brick.png',
    'coins.png',
    'grass.png',
    'gravel.png',
    'hubble_deep_field.jpg',
    'ihc.png',
    'moon.png',
    'motorcycle_left.png',
    'motorcycle_right.png',
    'retina.jpg',
    'rocket.jpg',
)
HELD_OUT = ('astronaut.png', 'camera.png', 'chelsea.png', 'coffee.png')

DESCRIPTION = 'Write data/demo from the photographs in scikit-image, without a download.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('--out', default='data/demo', help='output folder (default: data/demo)')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    import skimage

    from ..packing.make_pairs import make_pairs
    from ..packing.pack import pack_images

    folder = Path(skimage.__file__).parent / 'data'
    for part, names in [('train', TRAIN), ('val', HELD_OUT)]:
        count = make_pairs({Path(name).stem: folder / name for name in names}, Path(args.out) / part)
        print(f'{count} pairs written to {args.out}/{part}')
    pack_images(
        Path(args.out, 'train', 'GT'), Path(args.out, 'train_x4'), lq_folder=Path(args.out, 'train', 'LQx4')
    )
    print(f'training images packed into {args.out}/train_x4')
