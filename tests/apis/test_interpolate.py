"""Network interpolation."""

import csv
import json
import subprocess
import sys

import pytest
import torch
from configs_helper import CONFIGS, tiny_options
from mmengine.config import Config
from PIL import Image
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate, interpolate, load_generator, save_interpolations
from mmsr_ext.apis.tradeoff import save_tradeoff
from mmsr_ext.models.backbones import RRDBNet, SRResNet

TINY = dict(mid_channels=8, num_blocks=1, growth_channels=4)


def networks(tmp_path):
    paths = []
    for name in ('psnr', 'gan'):
        network = RRDBNet(**TINY)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()  # larger than its own initialisation, so that the outputs differ
        paths.append(tmp_path / f'{name}.pth')
        torch.save(dict(state_dict={f'generator.{key}': value for key, value in network.state_dict().items()}), paths[-1])
    return map(str, paths)


@pytest.mark.parametrize('alpha', [0, 0.2, 0.5, 1])
def test_every_parameter_and_buffer_is_between(alpha):
    a, b = (SRResNet(mid_channels=4, num_blocks=1).state_dict() for _ in range(2))
    for count, state in [(10, a), (21, b)]:
        for value in state.values():
            value.copy_(torch.rand_like(value) if value.is_floating_point() else torch.tensor(count))
    mixed = interpolate(a, b, alpha)
    assert list(mixed) == list(a)
    for key, value in mixed.items():
        assert value.dtype == a[key].dtype
        for index in range(min(value.numel(), 5)):  # a plain loop in Python's float64
            expected = (1 - alpha) * a[key].flatten()[index].item() + alpha * b[key].flatten()[index].item()
            assert value.flatten()[index].item() == pytest.approx(expected, rel=1e-7, abs=0.5 if 'num_batches' in key else 0)
    if alpha in (0, 1):
        assert all(torch.equal(value, (b if alpha else a)[key]) for key, value in mixed.items())


def test_what_both_have_in_common_remains():
    a = dict(weight=torch.rand(1000), index=torch.arange(7), mask=torch.tensor([True, False]), half=torch.rand(9).half())
    mixed = interpolate(a, dict(a), 0.3)
    assert all(torch.equal(mixed[key], a[key]) for key in a)
    with pytest.raises(InputError, match='mask holds truth values'):
        interpolate(a, a | dict(mask=torch.tensor([True, True])), 0.3)


def test_files_of_different_names_and_wrappings(tmp_path):
    a, b = RRDBNet(**TINY), RRDBNet(**TINY)
    torch.save(dict(params_ema=a.state_dict()), tmp_path / 'a.pth')
    renamed = {key.replace('conv_hr', 'HRconv').replace('conv_up', 'upconv').replace('conv_body', 'trunk_conv'): value
               for key, value in b.state_dict().items()}
    torch.save({key.replace('body.', 'RRDB_trunk.').replace('rdb', 'RDB'): value for key, value in renamed.items()}, tmp_path / 'b.pth')
    mixed = interpolate(tmp_path / 'a.pth', tmp_path / 'b.pth', 0.25)
    for key, value in mixed.items():
        torch.testing.assert_close(value, 0.75 * a.state_dict()[key] + 0.25 * b.state_dict()[key])


@pytest.mark.parametrize('alpha', [-0.1, 1.0001, float('nan')])
def test_alpha_outside_is_refused(tmp_path, alpha):
    with pytest.raises(InputError, match=r'alpha=.* must be in \[0, 1\]'):
        interpolate({}, {}, alpha)
    a, b = networks(tmp_path)
    with pytest.raises(InputError, match='alpha'):
        save_interpolations(a, b, [0, alpha], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('other', 'named'), [
    (RRDBNet(**TINY | dict(num_blocks=2)), r'unexpected \(such as body.1.rdb1.conv1.weight\)'),
    (RRDBNet(**TINY | dict(mid_channels=6)), r'of another shape \(such as conv_first.weight: \(6, 3, 3, 3\) instead of \(8, 3, 3, 3\)\)'),
    (nn.Linear(2, 2), r'missing \(such as conv_first.weight\), 2 unexpected \(such as weight\)'),
])
def test_unlike_architectures_are_refused_with_their_names(tmp_path, other, named):
    a, _ = networks(tmp_path)
    torch.save(other.state_dict(), tmp_path / 'other.pth')
    with pytest.raises(InputError, match=rf'other.pth is of another architecture than .*psnr.pth: .*{named}'):
        save_interpolations(a, str(tmp_path / 'other.pth'), [0.5], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_nothing_half_written(tmp_path, monkeypatch):
    a, b = networks(tmp_path)
    (path, ) = save_interpolations(a, b, [0.5], str(tmp_path / 'out'))
    before = path.read_bytes()

    def fail(content, file):
        file.write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match='disk full'):
        save_interpolations(b, a, [0.5], str(tmp_path / 'out'))
    assert path.read_bytes() == before
    assert [file.name for file in (tmp_path / 'out').iterdir()] == ['alpha_0.5.pth']


def test_command_line(tmp_path):
    a, b = networks(tmp_path)
    tool = CONFIGS.parent / 'tools' / 'interpolate.py'
    done = subprocess.run([sys.executable, tool, a, b, '--out', tmp_path / 'out', '--alpha', '0', '0.25', '1', '1'],
                          capture_output=True, text=True, cwd=CONFIGS.parent, check=False)
    assert done.returncode == 0, done.stderr
    files = [tmp_path / 'out' / f'alpha_{alpha}.pth' for alpha in ('0.0', '0.25', '1.0')]
    assert done.stdout.split() == list(map(str, files))
    for path, alpha in zip(files, (0, 0.25, 1)):
        expected = interpolate(a, b, alpha)
        assert all(torch.equal(value, expected[key]) for key, value in load_generator(path).state_dict().items())


def test_measured_results(tmp_path):
    a, b = networks(tmp_path)
    options = tiny_options(tmp_path)
    config = tmp_path / 'tiny.py'
    Config(dict(_base_=[str(CONFIGS / 'rrdb_x4.py')], custom_hooks=[], model=dict(generator=TINY))).dump(config)
    out = tmp_path / 'out'
    files = save_interpolations(a, b, [0, 0.5, 1], str(out), str(config), options)
    with (out / 'table.csv').open() as table:
        rows = {row.pop('network'): row for row in csv.DictReader(table)}
    assert list(rows) == ['bicubic', 'alpha_0.0', 'alpha_0.5', 'alpha_1.0']
    assert set(rows['alpha_0.5']) == {'PSNR-Y', 'PSNR-RGB', 'SSIM-Y', 'SSIM-RGB'}
    assert len({row['PSNR-Y'] for row in rows.values()}) == 4
    with Image.open(out / 'tradeoff.png') as plot:
        assert len(plot.convert('RGB').getcolors(1 << 20)) > 10
    assert not list(out.glob('.*'))
    # the figures belong to the networks of their rows
    evaluate(str(config), [str(files[1])], str(tmp_path / 'alone'), str(tmp_path / 'alone.json'), options)
    alone = json.loads((tmp_path / 'alone.json').read_text())['alpha_0.5']
    assert {name: float(value) for name, value in rows['alpha_0.5'].items()} == pytest.approx(alone)


@pytest.mark.parametrize(('metrics', 'axis', 'title'), [
    (dict(LPIPS=0.2), 'LPIPS (lower is better)', 'Perception and distortion'),
    ({'SSIM-Y': 0.9}, 'SSIM-Y (higher is better)', 'SSIM-Y takes the place of a perceptual metric'),
])
def test_axes_of_the_plot(tmp_path, monkeypatch, metrics, axis, title):
    from matplotlib.figure import Figure
    drawn = []
    monkeypatch.setattr(Figure, 'savefig', lambda figure, path, **_: (drawn.append(figure), path.write_bytes(b'png')))
    table = {name: {'PSNR-RGB': 20.0 + index, 'PSNR-Y': 30.0 + index} | metrics for index, name in enumerate(['bicubic', 'x', 'y'])}
    save_tradeoff(tmp_path / 'plot.png', table, dict(x='0', y='1'))
    (axes, ) = drawn[0].axes
    assert axes.get_xlabel() == 'PSNR-Y in dB (higher is better)'
    assert axes.get_ylabel() == axis
    assert axes.get_title().startswith(title)
    assert list(axes.lines[0].get_xdata()) == [31.0, 32.0]
    assert {text.get_text() for text in axes.texts} == {'bicubic', '0', '1'}


def test_no_plot_without_psnr(tmp_path):
    with pytest.raises(InputError, match='SSIM-Y: add PSNR'):
        save_tradeoff(tmp_path / 'plot.png', dict(x={'SSIM-Y': 1.0}), dict(x='0'))
