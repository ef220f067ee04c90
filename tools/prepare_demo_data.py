"""Write data/demo from the photographs inside scikit-image, which need no download."""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, demo_data  # noqa: E402

if __name__ == '__main__':
    command.start(demo_data)
