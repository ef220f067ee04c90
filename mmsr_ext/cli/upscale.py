"""Upscale or deblur images: python tools/upscale.py photo.jpg"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..tool_names import in_processes, typed

DESCRIPTION = 'Send images through a network, whose architecture follows from its weights.'
READS_IMAGES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        'inputs', nargs='+', metavar='INPUT', help="files, folders, patterns, or '-' for a list on stdin"
    )
    parser.add_argument(
        '-o',
        '--out',
        help='folder for the results, or a file for a single image (default: beside each image, with the '
        'network and the scale in the name: photo_compact_x4.png)',
    )
    parser.add_argument(
        '--compare',
        action='store_true',
        help='write a page beside the results that shows before and after under a slider',
    )
    parser.add_argument(
        '-c',
        '--checkpoint',
        help='weights of the network, .pth, .safetensors or .onnx, or the name of a network of the package '
        '(default: compact_x4, for clean photographs)',
    )
    parser.add_argument(
        '--config',
        metavar='FILE',
        help='config that the checkpoint was trained with, for a network of a package of your own',
    )
    parser.add_argument(
        '--format',
        choices=['png', 'jpg', 'webp', 'keep'],
        default='png',
        help='format of the results (default: png)',
    )
    parser.add_argument('--suffix', default='', help="suffix of the results' names, such as _x4")
    parser.add_argument('--quality', type=int, default=95, help='quality of jpg and webp (default: 95)')
    parser.add_argument(
        '--subsampling',
        choices=['4:4:4', '4:2:2', '4:2:0'],
        help='resolution of the colours of jpg (default: 4:4:4 from --quality 90, else 4:2:0)',
    )
    parser.add_argument(
        '--outscale', type=float, help="size of the result / size of the image (default: the network's)"
    )
    parser.add_argument(
        '--device', help='auto, cpu, cuda, cuda:1, mps (default: auto: CUDA, then MPS, then CPU)'
    )
    parser.add_argument(
        '--input-range',
        choices=['0-1', '0-255'],
        default='0-1',
        help='range of the values that an .onnx file takes and gives (default: 0-1)',
    )
    parser.add_argument('--precision', choices=['fp32', 'fp16', 'bf16'], default='fp32')
    parser.add_argument(
        '--tile', type=int, help='side of the tiles in px; 0 for no tiles (default: by the free memory)'
    )
    parser.add_argument(
        '--overlap',
        type=int,
        help='overlap of the tiles in px, at most half a tile (default: 32, or half a tile)',
    )
    parser.add_argument(
        '--ensemble',
        action='store_true',
        help='average over 8 flips and rotations, which takes 8 times as long',
    )
    parser.add_argument(
        '--alpha',
        choices=['bicubic', 'network'],
        default='bicubic',
        help='how transparency is enlarged (default: bicubic); network gives sharper edges',
    )
    parser.add_argument(
        '--resume', action='store_true', help='skip images whose result exists; not with --overwrite'
    )
    parser.add_argument(
        '--recursive', action='store_true', help='take subfolders too, and keep them in the output'
    )
    parser.add_argument(
        '--shard',
        metavar='I/N',
        help='process share I of N of the images, I from 1: one command a process or machine',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch'],
        default='none',
        help=f'share the images among the processes of torchrun: {in_processes("upscale")}',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace existing results')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..upscaling.files import upscale_files

    options = vars(args)
    pairs: dict[Path, Path] = {}
    compare = options.pop('compare')
    upscale_files(**options, pairs=pairs)
    if compare and pairs:
        from ..evaluation.report.slider import save_slider

        print(f'Open {save_slider(pairs)} in a browser.')


def advice(args: argparse.Namespace) -> str:
    """Say how to resume after an interruption."""
    if args.overwrite:  # new results cannot be distinguished from those to replace
        return f'Start over with: {typed()}'
    return f'Resume with: {typed(*([] if args.resume else ["--resume"]))}'
