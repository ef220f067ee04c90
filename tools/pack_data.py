"""Pack a folder of images for fast training: python tools/pack_data.py my_photos data/mine_x4"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, pack  # noqa: E402

if __name__ == '__main__':
    command.start(pack)
