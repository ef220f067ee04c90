"""Upscale or deblur images: python tools/upscale.py photos -o big"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, upscale  # noqa: E402

if __name__ == '__main__':
    command.start(upscale)
