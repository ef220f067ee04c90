"""Measure this package beside MMagic: python tools/benchmark.py step --recipe srgan"""

import argparse
import importlib
import sys

from mmsr_ext.apis import cli
from mmsr_ext.apis.benchmark import SUBJECTS


def parse_args() -> tuple[argparse.Namespace, object]:
    parser = argparse.ArgumentParser(description='Measure this package beside MMagic: both sides in one run, medians and their ratio.')
    subjects = parser.add_subparsers(dest='subject', required=True)
    wanted = [name for name in SUBJECTS if name in sys.argv[1:2]] or SUBJECTS  # all of them for the help only
    modules = {name: importlib.import_module(f'mmsr_ext.apis.benchmark.{name}') for name in wanted}
    for name, module in modules.items():
        subject = subjects.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subject)
        subject.add_argument('--json', metavar='FILE', help='write the figures there, too')
    args = parser.parse_args()
    return args, modules[args.subject]


def main() -> None:
    args, module = parse_args()
    report = module.measure(args)
    print(report if isinstance(report, str) else report.text())
    if args.json and not isinstance(report, str):
        report.save(args.json)


if __name__ == '__main__':
    cli.run(main)
