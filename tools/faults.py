"""Kill runs at random moments, resume them, compare them with an unbroken one: python tools/faults.py --runs 50"""

import argparse
import tempfile


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Kill runs at random moments, resume them, and compare them with an unbroken one.')
    parser.add_argument('--runs', type=int, default=50, help='how many runs (default: 50)')
    parser.add_argument('--seed', type=int, default=0, help='what the moments follow from (default: 0)')
    parser.add_argument('--work-dir', help='a new folder to keep the runs in (default: a temporary one)')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmsr_ext.apis.faults import faults
    from mmsr_ext.errors import InputError
    with tempfile.TemporaryDirectory() as folder:
        result = faults(args.work_dir or folder, args.runs, args.seed, show=True)
    print(result)
    if result.equal < result.runs or result.lost:
        raise InputError('; '.join(result.differences) or 'checkpoints were lost.')


if __name__ == '__main__':
    args = parse_args()
    from mmsr_ext.apis import cli
    cli.run(lambda: main(args))
