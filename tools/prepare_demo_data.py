"""Write data/demo from the photographs inside scikit-image, which need no download."""

import argparse
from pathlib import Path

TRAIN = ('brick.png', 'coins.png', 'grass.png', 'gravel.png', 'hubble_deep_field.jpg', 'ihc.png', 'moon.png', 'motorcycle_left.png',
         'motorcycle_right.png', 'retina.jpg', 'rocket.jpg')
HELD_OUT = ('astronaut.png', 'camera.png', 'chelsea.png', 'coffee.png')


def main() -> None:
    import skimage

    from mmsr_ext.apis import make_pairs, pack_images
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='data/demo')
    args = parser.parse_args()
    folder = Path(skimage.__file__).parent / 'data'
    for part, names in [('train', TRAIN), ('val', HELD_OUT)]:
        count = make_pairs({Path(name).stem: folder / name for name in names}, Path(args.out) / part)
        print(f'{count} pairs written to {args.out}/{part}')
    pack_images(Path(args.out, 'train', 'GT'), Path(args.out, 'train_x4'), lq_folder=Path(args.out, 'train', 'LQx4'))
    print(f'those to train on packed into {args.out}/train_x4')


if __name__ == '__main__':
    from mmsr_ext.apis import cli
    cli.run(main)
