"""A page to try networks on: python tools/demo.py work_dirs/psnr.pth work_dirs/gan.pth"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, demo  # noqa: E402

if __name__ == '__main__':
    command.start(demo)
