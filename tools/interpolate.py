"""Interpolate two networks.

python tools/interpolate.py A.pth B.pth --alpha 0 0.2 0.4 0.6 0.8 1 --eval configs/esrgan_x4.py
"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, interpolate  # noqa: E402

if __name__ == '__main__':
    command.start(interpolate)
