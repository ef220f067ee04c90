"""Tell what is installed, and what is missing for what: mmsr doctor"""

from __future__ import annotations

import argparse

DESCRIPTION = 'Tell what is installed, what is missing for what, the GPU, its precision, and the free disk.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command: none."""


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..benchmark.doctor import examine

    print('\n'.join(examine()))
