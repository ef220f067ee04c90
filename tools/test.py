"""Measure checkpoints.

python tools/test.py configs/srgan_x4.py work_dirs/srgan_x4/iter_200000.pth --out report.html
"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, test  # noqa: E402

if __name__ == '__main__':
    command.start(test)
