"""Serve a page to try networks on: python tools/demo.py work_dirs/psnr.pth work_dirs/gan.pth"""

from __future__ import annotations

import argparse

DESCRIPTION = 'Serve a page on this machine: drop an image, choose networks, compare with a slider.'
READS_IMAGES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        'checkpoints', nargs='+', metavar='CHECKPOINT', help='files of networks, or folders of them'
    )
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ... (default: a GPU if there is one)')
    parser.add_argument('--precision', choices=['fp32', 'fp16', 'bf16'], default='fp32')
    parser.add_argument('--port', type=int, default=7860)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..upscaling.demo import serve

    serve(**vars(args))
