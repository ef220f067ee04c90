"""Kill runs at random moments and compare them with a whole one: python tools/faults.py --runs 50"""

from __future__ import annotations

import argparse
import tempfile

DESCRIPTION = 'Kill runs at random moments, resume them, and compare them with an uninterrupted one.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('--runs', type=int, default=50, help='number of runs (default: 50)')
    parser.add_argument(
        '--kinds',
        default='kill',
        help='what happens to them, separated by commas: kill, disk (full), lock (a second run), shm (little '
        'shared memory), signal; --runs of each (default: kill)',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the random moments (default: 0)')
    parser.add_argument('--work-dir', help='new folder to keep the runs in (default: a temporary one)')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..errors import InputError
    from ..kill_test.run import faults

    with tempfile.TemporaryDirectory() as folder:
        result = faults(args.work_dir or folder, args.runs, args.seed, True, args.kinds.split(','))
    print(result)
    if result.equal < result.runs or result.lost:
        raise InputError(
            '; '.join(result.differences)
            or 'checkpoints were lost. Keep the runs to look at with --work-dir.'
        )
