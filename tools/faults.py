"""Kill runs at random moments, resume them, compare them with an unbroken one.

python tools/faults.py --runs 50
"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, kill_test  # noqa: E402

if __name__ == '__main__':
    command.start(kill_test)
