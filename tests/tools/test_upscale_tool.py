"""The command line, in processes of its own."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image

from mmsr_ext.models.backbones import SRVGGNetCompact

MEASURE = """
import json, resource, sys
import numpy as np
from mmsr_ext.apis import Upscaler
from mmsr_ext.apis.upscale_image import write_picture
from pathlib import Path

resident = lambda: int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]) / 1024
upscaler = Upscaler(sys.argv[1], 'cpu')
image = np.zeros((3648, 5472, 3), np.uint8)
image[:] = np.arange(5472)[:, None] % 256
before = resident()
write_picture(Path(sys.argv[2]), (4 * 3648, 4 * 5472), 3, image.dtype, upscaler.rows(image))
print(json.dumps(resident() - before))
"""


def run(*args, stdin=None):
    return subprocess.run([sys.executable, *map(str, args)], cwd=ROOT, capture_output=True, text=True, input=stdin, check=False)


@pytest.fixture
def checkpoint(tmp_path):
    torch.save(SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2).state_dict(), tmp_path / 'net.pth')
    return tmp_path / 'net.pth'


def test_a_list_on_stdin_with_a_broken_file(in_root, tmp_path, checkpoint):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / 'a.png')
    (tmp_path / 'b.png').write_text('no image')
    command = ['tools/upscale.py', '-', '-o', tmp_path / 'out', '-c', checkpoint, '--device', 'cpu', '--outscale', '1.5', '--ensemble']
    result = run(*command, stdin=f'{tmp_path}/b.png\n{tmp_path}/a.png\n')
    assert result.returncode == 1
    assert result.stderr.splitlines()[-2] == 'error: 1 of 2 images could not be processed:'
    assert f'{tmp_path}/b.png cannot be read' in result.stderr.splitlines()[-1]
    assert 'MP/s' in result.stderr
    assert 'Traceback' not in result.stderr
    assert Image.open(tmp_path / 'out/a.png').size == (45, 30)
    result = run(*command, '--resume', stdin=f'{tmp_path}/a.png\n')
    assert result.returncode == 0
    assert '0 images written' in result.stderr
    assert '1 were there' in result.stderr


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
@pytest.mark.slow
def test_a_photograph_of_20_megapixels_in_bounded_memory(in_root, tmp_path):
    network = SRVGGNetCompact(mid_channels=8, num_convs=1, scale=4)  # memory is the image's and the tiles'
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    result = run('-c', MEASURE, tmp_path / 'net.pth', tmp_path / 'a.png')
    assert json.loads(result.stdout) < 1000, result.stderr
    assert struct.unpack('>II', (tmp_path / 'a.png').read_bytes()[16:24]) == (4 * 5472, 4 * 3648)
