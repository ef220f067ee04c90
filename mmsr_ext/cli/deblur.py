"""Deblur images: mmsr deblur photos -o sharp -c deblurgan.pth"""

from __future__ import annotations

import argparse

from ..tool_names import tool
from . import upscale

DESCRIPTION = 'Send images through a network that sharpens them: as mmsr upscale, with a network of scale 1.'
READS_IMAGES = True
advice = upscale.advice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    upscale.add_arguments(parser)


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Ask for a network: none that deblurs comes with the package."""
    if args.checkpoint is None:
        parser.error(f'-c CHECKPOINT is needed; train one with: {tool("train")} deblurgan_gopro')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    upscale.main(args)
