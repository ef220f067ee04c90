"""Network interpolation."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support.configs import CONFIGS, tiny_options
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate, export, file_info, interpolate, load_generator, save_interpolations
from mmsr_ext.evaluation.tradeoff import save_tradeoff
from mmsr_ext.models.backbones import EDSR, RCAN, RRDBNet, SRResNet, SRVGGNetCompact

TINY = dict(mid_channels=8, num_blocks=1, growth_channels=4)


def networks(tmp_path):
    paths = []
    for name in ('psnr', 'gan'):
        network = RRDBNet(**TINY)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()  # larger than its own initialisation, so that the outputs differ
        paths.append(tmp_path / f'{name}.pth')
        torch.save(
            dict(state_dict={f'generator.{key}': value for key, value in network.state_dict().items()}),
            paths[-1],
        )
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
            assert value.flatten()[index].item() == pytest.approx(
                expected, rel=1e-7, abs=0.5 if 'num_batches' in key else 0
            )
    if alpha in (0, 1):
        assert all(torch.equal(value, (b if alpha else a)[key]) for key, value in mixed.items())


def test_what_both_have_in_common_remains():
    a = dict(
        weight=torch.rand(1000),
        index=torch.arange(7),
        mask=torch.tensor([True, False]),
        half=torch.rand(9).half(),
    )
    mixed = interpolate(a, dict(a), 0.3)
    assert all(torch.equal(mixed[key], a[key]) for key in a)
    with pytest.raises(InputError, match='mask holds truth values'):
        interpolate(a, a | dict(mask=torch.tensor([True, True])), 0.3)


def test_files_of_different_names_and_wrappings(tmp_path):
    a, b = RRDBNet(**TINY), RRDBNet(**TINY)
    torch.save(dict(params_ema=a.state_dict()), tmp_path / 'a.pth')
    renamed = {
        key.replace('conv_hr', 'HRconv')
        .replace('conv_up', 'upconv')
        .replace('conv_body', 'trunk_conv'): value
        for key, value in b.state_dict().items()
    }
    torch.save(
        {key.replace('body.', 'RRDB_trunk.').replace('rdb', 'RDB'): value for key, value in renamed.items()},
        tmp_path / 'b.pth',
    )
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


@pytest.mark.parametrize(
    ('other', 'named'),
    [
        (RRDBNet(**TINY | dict(num_blocks=2)), r'unexpected \(such as body.1.rdb1.conv1.weight\)'),
        (
            RRDBNet(**TINY | dict(mid_channels=6)),
            r'of another shape \(such as conv_first.weight: \(6, 3, 3, 3\) instead of \(8, 3, 3, 3\)\)',
        ),
        (nn.Linear(2, 2), r'missing \(such as conv_first.weight\), 2 unexpected \(such as weight\)'),
    ],
)
def test_unlike_architectures_are_refused_with_their_names(tmp_path, other, named):
    a, _ = networks(tmp_path)
    torch.save(other.state_dict(), tmp_path / 'other.pth')
    with pytest.raises(InputError, match=rf'other.pth is of another architecture than .*psnr.pth: .*{named}'):
        save_interpolations(a, str(tmp_path / 'other.pth'), [0.5], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def save_run(path, network, **args):
    """A checkpoint as a training run leaves it."""
    config = Config(
        dict(model=dict(generator=dict(type=type(network).__name__, **args))), format_python_code=False
    )
    state = {f'generator.{key}': value for key, value in network.state_dict().items()}
    torch.save(dict(state_dict=state, meta=dict(cfg=config.pretty_text)), path)
    return path


def make_run(path, architecture, args):
    network = architecture(**args).eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return network, save_run(path, network, **args)


MEANS = dict(rgb_mean=(0.1, 0.5, 0.3), img_range=2.0)
TOLD = {  # by the config alone
    'edsr': (EDSR, dict(mid_channels=64, num_blocks=16, scale=2, res_scale=0.1)),
    'edsr_of_another_size': (EDSR, dict(mid_channels=8, num_blocks=3, scale=3, res_scale=0.3, **MEANS)),
    'rcan': (
        RCAN,
        dict(mid_channels=8, num_groups=1, num_blocks=2, squeeze_factor=4, res_scale=0.2, **MEANS),
    ),
    'compact': (SRVGGNetCompact, dict(mid_channels=8, num_convs=2, act_type='leakyrelu')),
}


@pytest.mark.parametrize('name', TOLD)
def test_what_weights_do_not_tell_is_written_beside_them(tmp_path, name):
    network, a = make_run(tmp_path / 'a.pth', *TOLD[name])
    other, b = make_run(tmp_path / 'b.pth', *TOLD[name])
    b = export(b, 'safetensors').path
    files = save_interpolations(str(a), str(b), [0, 0.25, 1], str(tmp_path / 'out'))
    x = torch.rand(1, 3, 12, 14)
    with torch.no_grad():
        for path, source in [(files[0], network), (files[2], other)]:
            assert torch.equal(load_generator(path)(x), source(x))
        expected = TOLD[name][0](**TOLD[name][1]).eval()
        expected.load_state_dict(
            {key: value.lerp(other.state_dict()[key], 0.25) for key, value in network.state_dict().items()}
        )
        torch.testing.assert_close(load_generator(files[1])(x), expected(x))
    told = file_info(files[1])
    assert json.loads(told['arguments']).items() >= json.loads(json.dumps(TOLD[name][1])).items()
    assert told['weights'] == f'interpolated: 0.75 a.pth + 0.25 {b.name}'
    # a mixture can be mixed, and exported
    (again,) = save_interpolations(str(files[0]), str(files[2]), [0.25], str(tmp_path / 'again'))
    done = export(again, 'pth')
    assert done.metadata['arguments'] == told['arguments']
    with torch.no_grad():
        assert torch.equal(load_generator(done.path)(x), load_generator(files[1])(x))


def test_what_one_of_them_tells(tmp_path):
    network, told = make_run(tmp_path / 'told.pth', *TOLD['edsr_of_another_size'])
    bare = tmp_path / 'bare.pth'
    torch.save(dict(params=network.state_dict()), bare)
    for pair in ((told, bare), (bare, told)):
        (path,) = save_interpolations(*map(str, pair), [0.5], str(tmp_path / 'out'))
        assert load_generator(path).body[0].res_scale == 0.3
    (path,) = save_interpolations(str(bare), str(bare), [0.5], str(tmp_path / 'out'))
    assert list(torch.load(path, weights_only=True)) == ['params']
    with pytest.raises(InputError, match='no architecture that is recognised'):
        load_generator(path)


@pytest.mark.parametrize(
    ('architecture', 'args', 'change', 'message'),
    [
        (*TOLD['edsr'], dict(res_scale=1.0), 'its res_scale is 1.0, not 0.1'),
        (
            *TOLD['rcan'],
            dict(img_range=1, rgb_mean=[0, 0, 0]),
            r'its img_range is 1, not 2.0, its rgb_mean is \[0, 0, 0\], not \[0.1',
        ),
        (*TOLD['compact'], dict(act_type='relu'), "its act_type is 'relu', not 'leakyrelu'"),
    ],
)
def test_networks_that_are_built_otherwise_are_refused(tmp_path, architecture, args, change, message):
    network, a = make_run(tmp_path / 'a.pth', architecture, args)
    b = save_run(tmp_path / 'b.pth', network, **args | change)
    with pytest.raises(InputError, match=rf'b\.pth is another network than .*a\.pth.*: {message}'):
        save_interpolations(str(a), str(b), [0.5], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()
    with pytest.raises(InputError, match=message):
        interpolate(a, b, 0.5)


def test_networks_that_are_only_trained_otherwise_are_not(tmp_path):
    network = RRDBNet(**TINY)
    a, b = (save_run(tmp_path / f'{flag}.pth', network, with_cp=flag, **TINY) for flag in (True, False))
    torch.save(network.state_dict(), tmp_path / 'bare.pth')
    for other in (b, tmp_path / 'bare.pth'):
        assert all(
            torch.equal(value, network.state_dict()[key]) for key, value in interpolate(a, other, 1).items()
        )


def test_half_precision_remains(tmp_path):
    _, run = make_run(tmp_path / 'a.pth', *TOLD['compact'])
    half = export(run, 'pth', half=True).path
    assert {value.dtype for value in interpolate(half, half, 0.5).values()} == {torch.float16}
    assert {value.dtype for value in interpolate(half, run, 0.5).values()} == {torch.float32}


def test_a_file_that_is_not_what_it_says_is_refused(tmp_path):
    network, run = make_run(tmp_path / 'a.pth', *TOLD['compact'])
    save_run(tmp_path / 'b.pth', network, **TOLD['compact'][1] | dict(num_convs=3))
    with pytest.raises(InputError, match=r'b\.pth says that it is SRVGGNetCompact.*num_convs=3'):
        interpolate(run, tmp_path / 'b.pth', 0.5)


def test_results_of_unlike_pairs_do_not_meet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = RRDBNet(**TINY)
    files = [
        'a/iter_5.pth',
        'b/iter_5.pth',
        'c/iter_5.pth',
        'c/iter_15.pth',
        'a/net.pth',
        'b/net.pth',
        'psnr.pth',
        'gan.pth',
    ]
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        torch.save(network.state_dict(), name)
    expected = {
        'a_iter_5_b_iter_5': files[0:2],
        'a_iter_5_c_iter_5': files[0:3:2],
        'b_iter_5_c_iter_15': files[1:4:2],
        'a_net_b_net': files[4:6],
        'psnr_gan': files[6:8],
        'psnr_c_iter_15': [files[6], files[3]],
    }
    for name, pair in expected.items():
        assert save_interpolations(*pair, [0.5]) == [Path(f'work_dirs/interpolate_{name}/alpha_0.5.pth')]
    monkeypatch.chdir('a')
    assert save_interpolations('iter_5.pth', '../gan.pth', [0.5])[0].parent.name == 'interpolate_a_iter_5_gan'


def test_nothing_half_written(tmp_path, monkeypatch):
    a, b = networks(tmp_path)
    (path,) = save_interpolations(a, b, [0.5], str(tmp_path / 'out'))
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
    done = subprocess.run(
        [sys.executable, tool, a, b, '--out', tmp_path / 'out', '--alpha', '0', '0.25', '1', '1'],
        capture_output=True,
        text=True,
        cwd=CONFIGS.parent,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = [tmp_path / 'out' / f'alpha_{alpha}.pth' for alpha in ('0.0', '0.25', '1.0')]
    assert done.stdout.split() == list(map(str, files))
    for path, alpha in zip(files, (0, 0.25, 1)):
        expected = interpolate(a, b, alpha)
        assert all(
            torch.equal(value, expected[key]) for key, value in load_generator(path).state_dict().items()
        )


def test_measured_results(tmp_path):
    a, b = networks(tmp_path)
    options = tiny_options(tmp_path)
    config = tmp_path / 'tiny.py'
    Config(dict(_base_=[str(CONFIGS / 'rrdb_x4.py')], custom_hooks=[], model=dict(generator=TINY))).dump(
        config
    )
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
    alone = evaluate(str(config), [str(files[1])], str(tmp_path / 'alone'), options=options).table[
        'alpha_0.5'
    ]
    assert {name: float(value) for name, value in rows['alpha_0.5'].items()} == pytest.approx(alone)


@pytest.mark.parametrize(
    ('metrics', 'axis', 'title'),
    [
        (dict(LPIPS=0.2), 'LPIPS (lower is better)', 'Perception and distortion'),
        ({'SSIM-Y': 0.9}, 'SSIM-Y (higher is better)', 'SSIM-Y takes the place of a perceptual metric'),
    ],
)
def test_axes_of_the_plot(tmp_path, monkeypatch, metrics, axis, title):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(
        Figure, 'savefig', lambda figure, path, **_: (drawn.append(figure), path.write_bytes(b'png'))
    )
    table = {
        name: {'PSNR-RGB': 20.0 + index, 'PSNR-Y': 30.0 + index} | metrics
        for index, name in enumerate(['bicubic', 'x', 'y'])
    }
    save_tradeoff(tmp_path / 'plot.png', table, dict(x='0', y='1'))
    (axes,) = drawn[0].axes
    assert axes.get_xlabel() == 'PSNR-Y in dB (higher is better)'
    assert axes.get_ylabel() == axis
    assert axes.get_title().startswith(title)
    assert list(axes.lines[0].get_xdata()) == [31.0, 32.0]
    assert {text.get_text() for text in axes.texts} == {'bicubic', '0', '1'}


def test_no_plot_without_psnr(tmp_path):
    with pytest.raises(InputError, match='SSIM-Y: add PSNR'):
        save_tradeoff(tmp_path / 'plot.png', dict(x={'SSIM-Y': 1.0}), dict(x='0'))
