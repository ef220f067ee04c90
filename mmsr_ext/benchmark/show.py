"""Tables from earlier measurements; docs/benchmarks.md is made of them."""

from __future__ import annotations

import argparse

from .report import Report

HELP = 'print the tables of JSON files that earlier calls wrote, as Markdown'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this subject."""
    parser.add_argument('files', nargs='+', metavar='FILE')


def measure(args: argparse.Namespace) -> str:
    """Format the tables of saved measurements."""
    return '\n\n'.join(
        f'## {heading}\n\n{rest.strip()}'
        for heading, _, rest in (Report.load(file).text().partition('\n') for file in args.files)
    )
