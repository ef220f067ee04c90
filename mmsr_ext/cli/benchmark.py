"""Measure this package beside MMagic: python tools/benchmark.py step --recipe srgan"""

from __future__ import annotations

import argparse
import importlib
import sys

DESCRIPTION = 'Measure this package beside MMagic: both sides in one run, medians and their ratio.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare a sub-command for each subject; its module is imported only if it is asked for."""
    from ..benchmark import SUBJECTS

    subjects = parser.add_subparsers(dest='subject', required=True)
    for name in [name for name in SUBJECTS if name in sys.argv[1:2]] or SUBJECTS:
        module = importlib.import_module(f'mmsr_ext.benchmark.{name}')
        subject = subjects.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subject)
        subject.add_argument('--json', metavar='FILE', help='also write the figures to this file')
        subject.set_defaults(measure=module.measure)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    report = args.measure(args)
    print(report if isinstance(report, str) else report.text())
    if args.json and not isinstance(report, str):
        report.save(args.json)
