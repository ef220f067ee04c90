"""Make LQ/GT pairs from a folder of images: python tools/make_pairs.py my_photos data/mine"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, pairs  # noqa: E402

if __name__ == '__main__':
    command.start(pairs)
