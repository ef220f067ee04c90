"""Kill runs at random moments, resume them, compare them with an unbroken one: python tools/faults.py --runs 50"""

from __future__ import annotations

import argparse
import tempfile

DESCRIPTION = 'Kill runs at random moments, resume them, and compare them with an unbroken one.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('--runs', type=int, default=50, help='how many runs (default: 50)')
    parser.add_argument('--seed', type=int, default=0, help='what the moments follow from (default: 0)')
    parser.add_argument('--work-dir', help='a new folder to keep the runs in (default: a temporary one)')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..errors import InputError
    from ..kill_test.run import faults

    with tempfile.TemporaryDirectory() as folder:
        result = faults(args.work_dir or folder, args.runs, args.seed, show=True)
    print(result)
    if result.equal < result.runs or result.lost:
        raise InputError('; '.join(result.differences) or 'checkpoints were lost.')
