"""Measure checkpoints and write a page: mmsr report CONFIG CHECKPOINT"""

from __future__ import annotations

import argparse

from . import test

DESCRIPTION = 'Measure checkpoints as mmsr test does, and write a page with the table and images to compare.'
READS_IMAGES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    test.add_arguments(parser)
    parser.set_defaults(out='report.html')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    test.main(args)
    print(f'Open {args.out} in a browser.')
