"""tools/export.py, from a training run to other software."""

import runpy
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
from safetensors.torch import load_file
from support import ROOT

from mmsr_ext.apis import load_generator, train

TINY = {
    'model.generator.mid_channels': 4,
    'model.generator.num_blocks': 1,
    'train_dataloader.dataset.gt_size': 32,
    'train_dataloader.batch_size': 2,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 4,
    'default_hooks.checkpoint.interval': 4,
    'custom_hooks': [dict(type='GeneratorEMAHook', decay=0.5)],
}


@pytest.fixture
def checkpoint(demo_data, in_root, tmp_path):
    """Of a short run that keeps an average; the working directory has the tools and configs."""
    train('configs/srresnet_x4_demo.py', str(tmp_path / 'run'), options=TINY | demo_data)
    return tmp_path / 'run/iter_4.pth'


def command(*arguments):
    """In this process; tests of how it ends start another."""
    before = signal.getsignal(signal.SIGINT)
    argv, sys.argv = sys.argv, list(map(str, arguments))
    try:
        runpy.run_path(str(ROOT / arguments[0]), run_name='__main__')
    finally:
        sys.argv = argv
        signal.signal(signal.SIGINT, before)


def test_commands_of_the_page(checkpoint, tmp_path, monkeypatch, capsys):
    """Every command of the section, as it is written there, on the quickstart's kind of network."""
    work = tmp_path / 'work'
    (work / 'work_dirs/srgan_x4_demo').mkdir(parents=True)
    (work / 'work_dirs/srgan_x4_demo/iter_300.pth').write_bytes(checkpoint.read_bytes())
    monkeypatch.chdir(work)
    section = (ROOT / 'docs/export.md').read_text().split('```bash\n')[1].split('```')[0]
    lines = [shlex.split(line, comments=True) for line in section.splitlines()]
    assert {line[line.index('--format') + 1] for line in lines if '--format' in line} == {
        'onnx',
        'safetensors',
        'pth',
        'torchscript',
    }
    for python, *arguments in lines:
        assert python == 'python'
        command(*arguments)
    out = capsys.readouterr().out
    assert (
        'architecture: EnhanceNet, scale: 4, precision: float16, weights: running average, '
        'license: not stated' in out
    )
    assert 'spandrel (chaiNNer) does not know this EnhanceNet' in out
    info = out[out.index('mmsr_ext: ') :]
    assert 'license: CC0-1.0\n' in info
    assert "type='GeneratorEMAHook'" in info

    states = torch.load(checkpoint, weights_only=True)['state_dict']
    average = {
        key.removeprefix('generator_ema.'): value
        for key, value in states.items()
        if key.startswith('generator_ema.')
    }
    trained = {
        key.removeprefix('generator.'): value for key, value in states.items() if key.startswith('generator.')
    }
    assert not torch.equal(average['head.0.weight'], trained['head.0.weight'])
    for weights, state in [
        (average, load_file('srgan_x4.safetensors')),
        (trained, torch.load('srgan_x4.pth')['params_ema']),
    ]:
        assert weights.keys() == state.keys()
        assert all(torch.equal(value, state[key]) for key, value in weights.items())
    x = torch.rand(1, 3, 9, 14)
    with torch.no_grad():
        y = load_generator('srgan_x4.safetensors')(x)
        assert torch.equal(y, load_generator(checkpoint)(x))
        torch.testing.assert_close(torch.jit.load('srgan_x4.pt')(x), y, rtol=0, atol=1e-6)
    for name, bound in [('srgan_x4', 1e-5), ('srgan_x4_fp16', 2 / 255)]:
        output = onnxruntime.InferenceSession(f'{name}.onnx').run(None, {'input': x.numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(output), y, rtol=0, atol=bound)


def test_bad_input_ends_without_traceback(tmp_path, in_root):
    (tmp_path / 'cut.pth').write_bytes(b'PK\x03\x04 cut in the middle')
    tool = [sys.executable, 'tools/export.py', tmp_path / 'cut.pth']
    done = subprocess.run(
        [*tool, '--format', 'pth'], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert 'cut.pth is not a checkpoint' in done.stderr
    assert 'Traceback' not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ['cut.pth']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['no.pth', '--format', 'pth'], r'no\.pth does not exist'),
        (['no.pth', '--format', 'ncnn'], "format='ncnn' must be 'safetensors'"),
        (['no.pth', '--info'], r'no\.pth does not exist'),
        (['.', '--format', 'pth'], 'is a folder'),
    ],
)
def test_bad_input_is_one_error(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=rf'^error: .*{message}'):
        command('tools/export.py', *arguments)
    assert not list(Path(tmp_path).iterdir())
