"""Export a generator.

python tools/export.py work_dirs/srgan_x4/iter_200000.pth --format onnx -o srgan_x4.onnx
"""

MMSR_COMMAND = True  # the parts of mmsr_ext are imported once the arguments are understood

from mmsr_ext.cli import command, export  # noqa: E402

if __name__ == '__main__':
    command.start(export)
