"""Start a command: parse its arguments, run it, and leave the process with the right status."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from typing import Protocol

from . import exit


class Command(Protocol):
    """A module of this folder.

    Two more functions are optional: ``check(parser, args)`` calls ``parser.error`` for arguments that exclude
    each other, ``advice(args)`` returns a sentence that says how to continue after an interruption. A command
    with ``READS_IMAGES`` has the argument ``--max-pixels``.
    """

    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments of the command."""

    def main(self, args: argparse.Namespace) -> None:
        """Run the command."""


def start(command: Command, argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run a command with the arguments of the process.

    Args:
        command: A module of this folder.
        argv: Arguments to use in place of ``sys.argv``.
        prog: Name of the command; by default that of the script.
    """
    # Threads of OpenMP that wait in a loop make a busy machine several times slower. It must be said before
    # PyTorch is imported.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    parser = argparse.ArgumentParser(prog=prog, description=command.DESCRIPTION)
    command.add_arguments(parser)
    if getattr(command, 'READS_IMAGES', False):
        add_max_pixels(parser)
    args = parser.parse_args(argv)
    pixels = vars(args).pop('max_pixels', None)
    if hasattr(command, 'check'):
        command.check(parser, args)
    advice = command.advice(args) if hasattr(command, 'advice') else ''

    def main() -> None:
        importlib.import_module('mmsr_ext.registry')  # which mmsr_ext/__init__.py leaves to commands
        from ..io.limits import allow_pixels

        with allow_pixels(pixels):
            command.main(args)

    exit.run(main, advice)


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """Declare ``--max-pixels``."""
    parser.add_argument(
        '--max-pixels',
        type=int,
        metavar='N',
        help='refuse images of more pixels, before they are decoded (default: 1000000000)',
    )
