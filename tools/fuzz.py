"""Damage files of every kind at random, and read them with bounded memory and time.

python tools/fuzz.py --seeds 2000
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'  # copies of this process wait for ever for threads that they do not have
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--seeds', type=int, default=2000, help='number of cases (default: 2000)')
parser.add_argument('--first', type=int, default=0, help='the first seed (default: 0)')


def main() -> None:
    args = parser.parse_args()
    import torch

    import mmsr_ext.registry  # noqa: F401

    torch.set_num_threads(1)
    from support.file_fuzz import fuzz

    with tempfile.TemporaryDirectory() as folder:
        kinds, bad, memory, seconds = fuzz(Path(folder), range(args.first, args.first + args.seeds))
    print(*(f'{kind}: {count}' for kind, count in sorted(kinds.items())), sep='\n')
    print(f'{args.seeds} seeds, {len(bad)} bad; at most {memory / 2**20:.0f} MiB and {seconds:.1f} s')
    if bad:
        sys.exit('\n'.join(f'{what}: {result}' for what, result in bad.items()))


if __name__ == '__main__':
    main()
