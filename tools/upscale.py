"""Upscale or deblur images: python tools/upscale.py photos -o big -c realesr-general-x4v3.pth"""

import argparse
import shlex
import sys


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Send images through a network, whose architecture follows from its weights.')
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help="files, folders, patterns, or '-' for a list on stdin")
    parser.add_argument('-o', '--out', required=True, help='folder of the results; for a single image also a file')
    parser.add_argument('-c', '--checkpoint', required=True, help='weights of the network: .pth or .safetensors')
    parser.add_argument('--format', choices=['png', 'jpg', 'webp', 'keep'], default='png', help='of the results (default: png)')
    parser.add_argument('--suffix', default='', help="added to the results' names, such as _x4")
    parser.add_argument('--quality', type=int, default=95, help='of jpg and webp (default: 95)')
    parser.add_argument('--outscale', type=float, help="size of the result / size of the image (default: the network's)")
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ... (default: a GPU if there is one)')
    parser.add_argument('--precision', choices=['fp32', 'fp16', 'bf16'], default='fp32')
    parser.add_argument('--tile', type=int, help='side of the tiles in px; 0 for none (default: by the free memory)')
    parser.add_argument('--overlap', type=int, help='of the tiles in px, at most half of them (default: 32, or half a tile)')
    parser.add_argument('--ensemble', action='store_true', help='average over 8 flips and rotations: 8 times the work')
    parser.add_argument('--resume', action='store_true', help='leave out images whose result is there; not with --overwrite')
    parser.add_argument('--overwrite', action='store_true', help='replace results that are there')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmsr_ext.apis import upscale_files
    upscale_files(**vars(args))


if __name__ == '__main__':
    args = parse_args()
    from mmsr_ext.apis import cli
    # the results of an interrupted --overwrite cannot be told from those that it was to replace
    again = shlex.join(['python', *sys.argv, *([] if args.resume or args.overwrite else ['--resume'])])
    cli.run(lambda: main(args), f'{"Start over" if args.overwrite else "Go on"} with: {again}')
