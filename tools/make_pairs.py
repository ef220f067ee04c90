"""Make LQ/GT pairs from a folder of images: python tools/make_pairs.py my_photos data/mine"""

import argparse


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write GT/ and LQx<scale>/ (MATLAB bicubic) from a folder of images.')
    parser.add_argument('source', help='folder of images')
    parser.add_argument('out', help='output folder')
    parser.add_argument('--scale', type=int, default=4, choices=[2, 3, 4, 8])
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmsr_ext.apis import make_pairs
    print(f'{make_pairs(args.source, args.out, args.scale)} pairs written to {args.out}')


if __name__ == '__main__':
    args = parse_args()
    from mmsr_ext.apis import cli
    cli.run(lambda: main(args))
