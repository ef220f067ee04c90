"""Export a generator: python tools/export.py work_dirs/srgan_x4/iter_200000.pth --format onnx -o srgan_x4.onnx"""

from __future__ import annotations

import argparse

DESCRIPTION = 'Write the generator of a checkpoint alone, checked against the network itself.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT', help='of tools/train.py, or a file of published weights'
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument('--format', metavar='FORMAT', help='safetensors, pth, onnx or torchscript')
    action.add_argument('--info', action='store_true', help='print what an exported file says of itself')
    parser.add_argument(
        '-o',
        '--out',
        metavar='FILE',
        help='default: beside CHECKPOINT, named after it, the architecture and the scale',
    )
    parser.add_argument(
        '--raw',
        action='store_true',
        help='the trained weights, also where there is a running average of them',
    )
    parser.add_argument(
        '--half', action='store_true', help='weights in float16; onnx and torchscript also compute in it'
    )
    parser.add_argument(
        '--license',
        metavar='TEXT',
        default='',
        help='licence of the weights, such as CC0-1.0, for the metadata',
    )
    parser.add_argument('--force', action='store_true', help='replace a file that exists')
    parser.add_argument(
        '--names',
        metavar='NAMES',
        default='basicsr',
        help='of the weights: basicsr, or authors (RCAN, for spandrel)',
    )


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..exporting.export import export, file_info

    if args.info:
        print('\n'.join(f'{key}: {value}' for key, value in file_info(args.checkpoint).items()))
        return
    done = export(
        args.checkpoint, args.format, args.out, args.raw, args.half, args.license, args.force, args.names
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
