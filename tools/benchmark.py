"""Measure this package beside MMagic: python tools/benchmark.py step --recipe srgan"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import benchmark, command  # noqa: E402

if __name__ == '__main__':
    command.start(benchmark)
