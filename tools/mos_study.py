"""Let people judge images.

python tools/mos_study.py build --methods srresnet=results/srresnet srgan=results/srgan --gt GT -o study
"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, mos  # noqa: E402

if __name__ == '__main__':
    command.start(mos)
