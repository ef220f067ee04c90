"""Train a model: python tools/train.py configs/srgan_x4.py"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, train  # noqa: E402

if __name__ == '__main__':
    command.start(train)
