"""Export a generator.

python tools/export.py work_dirs/srgan_x4/iter_200000.pth --format onnx -o srgan_x4.onnx
"""

from __future__ import annotations

import argparse

from ..errors import printable
from ..tool_names import tool

DESCRIPTION = 'Write only the generator of a checkpoint, and check the file against the network.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        'checkpoint',
        metavar='CHECKPOINT',
        help=f'checkpoint of {tool("train")}, or a file of published weights',
    )
    parser.add_argument(
        '--config',
        metavar='FILE',
        help='config that the checkpoint was trained with, for a network of a package of your own',
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument('--format', metavar='FORMAT', help='safetensors, pth, onnx or torchscript')
    action.add_argument('--info', action='store_true', help='print the metadata of an exported file')
    parser.add_argument(
        '-o',
        '--out',
        metavar='FILE',
        help='output file (default: beside CHECKPOINT, named after it, the architecture and the scale)',
    )
    parser.add_argument(
        '--raw',
        action='store_true',
        help='export the trained weights even if the checkpoint has their moving average',
    )
    parser.add_argument(
        '--half', action='store_true', help='weights in float16; onnx and torchscript also compute in it'
    )
    parser.add_argument(
        '--license',
        metavar='TEXT',
        default='',
        help='licence of the weights for the metadata, such as CC0-1.0',
    )
    parser.add_argument('--force', action='store_true', help='replace an existing file')
    parser.add_argument(
        '--names',
        metavar='NAMES',
        default='basicsr',
        help='naming of the weights: basicsr, or authors (RCAN, as spandrel reads it)',
    )


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..exporting.export import export, file_info

    if args.info:
        print(printable('\n'.join(f'{key}: {value}' for key, value in file_info(args.checkpoint).items())))
        return
    done = export(
        args.checkpoint,
        args.format,
        args.out,
        args.raw,
        args.half,
        args.license,
        args.force,
        args.names,
        args.config,
    )
    print(done.path)
    print(
        ', '.join(
            f'{key}: {done.metadata[key]}'
            for key in ('architecture', 'scale', 'precision', 'weights', 'license')
        )
    )
    print(f'checked on images of three sizes: differs from the network by {done.difference:.1e} at most')
    for note in done.notes:
        print(note)
