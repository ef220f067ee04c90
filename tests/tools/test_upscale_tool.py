"""The command line, in processes of its own."""

import json
import os
import runpy
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import ROOT

from mmsr_ext.models.backbones import SRVGGNetCompact

MEASURE = """
import json, sys
from mmsr_ext.apis import Upscaler
from mmsr_ext.io.picture_writing import write_picture
from mmsr_ext.io.pictures import read_picture
from pathlib import Path

def megabytes(kind):
    return int(next(line for line in open('/proc/self/status') if line.startswith(kind)).split()[1]) / 1024
upscaler = Upscaler(sys.argv[1], 'cpu')
before = megabytes('VmRSS')
pixels = read_picture(sys.argv[2]).pixels
strips, size = upscaler.rows(pixels), upscaler.output_size(*pixels.shape[:2])
if sys.argv[3:]:
    write_picture(Path(sys.argv[3]), size, 3, pixels.dtype, strips)
else:
    assert next(strips).shape[1:] == (size[1], 3)
print(json.dumps([megabytes('VmHWM') - before, *size]))
"""


def run(*args, stdin=None):
    return subprocess.run(
        [sys.executable, *map(str, args)], cwd=ROOT, capture_output=True, text=True, input=stdin, check=False
    )


@pytest.fixture
def checkpoint(tmp_path):
    torch.save(SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2).state_dict(), tmp_path / 'net.pth')
    return tmp_path / 'net.pth'


def test_a_list_on_stdin_with_a_broken_file(in_root, tmp_path, checkpoint):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / 'a.png')
    (tmp_path / 'b.png').write_text('no image')
    command = [
        'tools/upscale.py',
        '-',
        '-o',
        tmp_path / 'out',
        '-c',
        checkpoint,
        '--device',
        'cpu',
        '--outscale',
        '1.5',
        '--ensemble',
    ]
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
    assert '1 skipped' in result.stderr


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
@pytest.mark.slow
@pytest.mark.parametrize('whole', [True, False])
def test_a_photograph_of_20_megapixels_in_bounded_memory(in_root, tmp_path, monkeypatch, whole):
    # the whole of it through a tiny network; of that of realesr-general-x4v3, which takes 10 minutes, the
    # first rows
    network = (
        SRVGGNetCompact(mid_channels=8, num_convs=1, scale=4)
        if whole
        else SRVGGNetCompact(mid_channels=64, num_convs=32, scale=4)
    )
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    rows, columns = np.arange(3648, dtype=np.uint8)[:, None], np.arange(5472, dtype=np.uint8)
    monkeypatch.delenv(
        'OMP_NUM_THREADS', raising=False
    )  # this process is not copied, and has work for all cores
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(np.stack([rows + columns, rows ^ columns, rows - columns], 2)).save(
        tmp_path / 'a.jpg', exif=exif
    )
    result = run(
        '-c', MEASURE, tmp_path / 'net.pth', tmp_path / 'a.jpg', *([tmp_path / 'a.png'] if whole else [])
    )
    assert result.returncode == 0, result.stderr
    growth, height, width = json.loads(result.stdout)
    assert growth < 1500
    assert (height, width) == (4 * 5472, 4 * 3648)  # upright
    if whole:
        assert struct.unpack('>II', (tmp_path / 'a.png').read_bytes()[16:24]) == (width, height)


@pytest.mark.parametrize(
    ('options', 'advice'),
    [
        ([], 'Resume with: python tools/upscale.py a.png -o out -c net.pth --resume'),
        (['--resume'], 'Resume with: python tools/upscale.py a.png -o out -c net.pth --resume'),
        (['--overwrite'], 'Start over with: python tools/upscale.py a.png -o out -c net.pth --overwrite'),
    ],
)
def test_what_to_do_after_an_interruption(in_root, monkeypatch, capsys, options, advice):
    monkeypatch.setattr(sys, 'argv', ['tools/upscale.py', 'a.png', '-o', 'out', '-c', 'net.pth', *options])
    monkeypatch.setattr(
        'mmsr_ext.upscaling.files.upscale_files', lambda **_: os.kill(os.getpid(), signal.SIGINT)
    )
    stock = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as end:
            runpy.run_path('tools/upscale.py', run_name='__main__')
    finally:
        signal.signal(signal.SIGINT, stock)
    assert end.value.code == 130
    assert capsys.readouterr().err.strip() == f'interrupted. {advice}'


def test_resume_and_overwrite_contradict_each_other(in_root, tmp_path, checkpoint):
    result = run(
        'tools/upscale.py', tmp_path, '-o', tmp_path / 'out', '-c', checkpoint, '--resume', '--overwrite'
    )
    assert result.returncode == 1
    assert (
        result.stderr
        == 'error: --resume skips images that already have a result, and --overwrite replaces it. '
        'Give one of them.\n'
    )


@pytest.mark.slow
@pytest.mark.parametrize('broken', [False, True])
def test_torchrun_shares_a_folder_and_a_broken_file_does_not_stop_the_others(
    in_root, tmp_path, checkpoint, broken
):
    (tmp_path / 'in' / 'sub').mkdir(parents=True)
    for index in range(5):
        image = Image.fromarray(np.random.default_rng(index).integers(0, 256, (40, 40, 3), np.uint8))
        image.save(tmp_path / 'in' / ('sub' if index % 2 else '') / f'{index}.png')
    if broken:  # the first image: its process fails long before the others end
        (tmp_path / 'in' / '0.png').write_text('no image')
    command = ['tools/dist_upscale.sh', '3', tmp_path / 'in', '-o', tmp_path / 'out', '-c', checkpoint]
    result = subprocess.run(
        ['bash', *map(str, command), '--recursive', '--device', 'cpu'],
        cwd=ROOT,
        env={
            **os.environ,
            'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            'PYTHONPATH': str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode != 0) == broken, result.stderr
    assert f'{5 - broken} images written to {tmp_path}/out' in result.stderr
    assert len([path for path in (tmp_path / 'out').rglob('*') if path.is_file()]) == 5 - broken
    assert ('1 of 5 images could not be processed' in result.stderr) == broken
    assert result.stderr.count('images written') == 1
