"""Generators in other software: the same images from every file."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmagic.models.editors.edsr import EDSRNet
from mmagic.models.editors.esrgan import RRDBNet as MMagicRRDBNet
from mmagic.models.editors.srcnn import SRCNNNet
from mmagic.models.editors.srgan import MSRResNet
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from spandrel import ModelLoader, UnsupportedModelError
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import export, file_info, load_generator
from mmsr_ext.exporting import onnx as export_onnx
from mmsr_ext.models import backbones, discriminators
from mmsr_ext.models.backbones import (
    EDSR,
    ESPCN,
    FSRCNN,
    RCAN,
    DeblurResNet,
    EnhanceNet,
    ModifiedSRResNet,
    RRDBNet,
    SpandrelNet,
    SRResNet,
    SRVGGNetCompact,
)
from mmsr_ext.registry import MODELS

RRDB = dict(mid_channels=8, num_blocks=1)
CASES = {
    'rrdb': (RRDBNet, RRDB),
    'rrdb_x2': (RRDBNet, RRDB | dict(scale=2)),
    'rrdb_x1': (RRDBNet, RRDB | dict(scale=1)),
    'rrdb_slim': (RRDBNet, RRDB | dict(growth_channels=4)),
    'compact': (SRVGGNetCompact, dict(mid_channels=8, num_convs=2)),
    'compact_relu': (SRVGGNetCompact, dict(mid_channels=8, num_convs=2, scale=2, act_type='relu')),
    'srresnet': (SRResNet, dict(mid_channels=8, num_blocks=2)),
    'srresnet_residual': (SRResNet, dict(mid_channels=8, num_blocks=1, scale=2, residual=True)),
    'srresnet_tanh': (
        SRResNet,
        dict(mid_channels=8, num_blocks=1, scale=2, output_activation='tanh', trunk_end='prelu'),
    ),
    'edsr': (EDSR, dict(mid_channels=8, num_blocks=2, scale=3, res_scale=0.3)),
    'fsrcnn': (
        FSRCNN,
        dict(in_channels=1, out_channels=1, mid_channels=8, shrunk_channels=4, num_mappings=2, scale=3),
    ),
    'rcan': (RCAN, dict(mid_channels=8, num_groups=2, num_blocks=2, squeeze_factor=4, scale=2)),
    'spandrel': (
        SpandrelNet,
        dict(architecture='RealPLKSR', scale=2, dim=8, n_blocks=1, kernel_size=5),
    ),
    'espcn': (ESPCN, dict(in_channels=1, out_channels=1, mid_channels=(8, 4), scale=3)),
    'enhancenet': (EnhanceNet, dict(mid_channels=8, num_blocks=1)),
    'modified_srresnet': (ModifiedSRResNet, dict(mid_channels=8, num_blocks=1, scale=3)),
    'deblur': (DeblurResNet, dict(mid_channels=4, num_blocks=1)),
    'deblur_batch': (DeblurResNet, dict(mid_channels=4, num_blocks=1, norm='batch')),
    'msrresnet': (
        MSRResNet,
        dict(in_channels=3, out_channels=3, mid_channels=8, num_blocks=1, upscale_factor=4),
    ),
    'srcnn': (SRCNNNet, dict(channels=(3, 8, 8, 3), upscale_factor=2)),
}
SPANDREL = {
    'rrdb': 'ESRGAN',
    'rrdb_x2': 'ESRGAN',
    'rrdb_x1': 'ESRGAN',
    'compact': 'Compact',
    'spandrel': 'PLKSR',
}
MIN_SIZES = {'rrdb_x2': 2, 'rrdb_x1': 3, 'deblur': 5, 'deblur_batch': 5}
FORMATS = {'safetensors': '.safetensors', 'pth': '.pth', 'onnx': '.onnx', 'torchscript': '.pt'}


def lively(architecture, args):
    """A network whose output tells its weights: none of them negligible, and images of ordinary values."""
    network = architecture(**args)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, std=(1.5 / module.weight[0].numel()) ** 0.5)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    last = [module for module in network.eval().modules() if isinstance(module, nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight.mul_(0.3 / network(torch.rand(1, args.get('in_channels', 3), 16, 16)).std())
    return network


def save_run(path, network, name, args, **more):
    """A checkpoint as a training run leaves it."""
    config = dict(
        model=dict(
            type='GANRestorer', generator=dict(type=name, **args), gan_loss=dict(type='AdversarialLoss')
        )
    )
    state = {f'generator.{key}': value for key, value in network.state_dict().items()}
    state |= {'discriminator.conv.weight': torch.ones(1), 'step_counter': torch.tensor(3)}
    torch.save(
        dict(
            state_dict=state | more,
            meta=dict(iter=3, cfg=Config(config, format_python_code=False).pretty_text),
        ),
        path,
    )
    return path


def make(tmp_path, name):
    architecture, args = CASES[name]
    network = lively(architecture, args)
    return network, save_run(tmp_path / 'iter_3.pth', network, architecture.__name__, args)


def images(network, name='', sizes=((12, 18), (11, 13))):
    channels = 1 if name in ('espcn', 'fsrcnn') else 3
    for size in sizes:
        x = torch.rand(2, channels, *size)
        with torch.no_grad():
            y = network(x)
        assert y.std() > 0.02
        yield x, y


def assert_same(output, expected, tolerance=1e-5):
    """Up to the rounding of float32, which goes with the largest values."""
    assert output.shape == expected.shape
    assert (output - expected).abs().max() <= tolerance * max(1, expected.abs().max())


def runner(path, format):
    """What the file's own software makes of it."""
    if format == 'onnx':
        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        return lambda x: torch.from_numpy(session.run(['output'], {'input': x.numpy()})[0])
    return torch.jit.load(str(path)) if format == 'torchscript' else load_generator(path)


def test_every_generator_is_a_case():
    assert {architecture.__name__ for architecture, _ in CASES.values()} >= set(backbones.__all__)


@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize('name', CASES)
def test_the_same_images(tmp_path, name, format):
    network, checkpoint = make(tmp_path, name)
    done = export(checkpoint, format, license='CC0-1.0')
    scale = done.metadata['scale']
    kind = getattr(network, 'arguments', {}).get('architecture', type(network).__name__).lower()
    assert done.path == tmp_path / f'iter_3_{kind}_x{scale}{FORMATS[format]}'
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(['iter_3.pth', done.path.name])
    run = runner(done.path, format)
    for x, y in images(network, name):
        with torch.no_grad():
            output = run(x)
        assert output.dtype == torch.float32
        assert output.shape == (*y.shape[:2], x.shape[2] * int(scale), x.shape[3] * int(scale))
        assert_same(output, y)
        if format in ('pth', 'safetensors'):
            assert torch.equal(output, y)
    told = file_info(done.path)
    assert told == done.metadata
    assert told['license'] == 'CC0-1.0'
    assert (told['architecture'], told['source'], told['weights']) == (
        type(network).__name__,
        'iter_3.pth',
        'as trained',
    )
    assert told['sizes'] == (
        f'any height and width of at least {MIN_SIZES[name]} pixels' if name in MIN_SIZES else 'any'
    )
    assert done.path.stat().st_mode == checkpoint.stat().st_mode
    assert json.loads(told['arguments']).items() >= json.loads(json.dumps(CASES[name][1])).items()
    assert "type='AdversarialLoss'" in told['config']


@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize(
    'name', ['rrdb_x2', 'compact', 'srresnet_residual', 'rcan', 'enhancenet', 'deblur', 'srcnn']
)
def test_half_precision(tmp_path, name, format):
    network, checkpoint = make(tmp_path, name)
    done = export(checkpoint, format, half=True)
    assert done.path.stem.endswith('_fp16')
    assert done.metadata['precision'] == 'float16'
    assert 0 < done.difference < 2 / 255 * 20
    run = runner(done.path, format)
    for x, y in images(network, name):
        with torch.no_grad():
            output = run(x)
        assert output.dtype == torch.float32
        assert (output - y).abs().max() < 2 / 255 * max(1, y.abs().max())
        assert not torch.equal(output, y)
    if format == 'onnx':
        kinds = {
            onnx.TensorProto.DataType.Name(item.data_type)
            for item in onnx.load(done.path).graph.initializer
            if len(item.dims) == 4
        }
        assert kinds == {'FLOAT16'}
        return
    state = (
        load_file(done.path)
        if format == 'safetensors'
        else (
            torch.jit.load(done.path).state_dict()
            if format == 'torchscript'
            else torch.load(done.path, weights_only=True)['params_ema']
        )
    )
    assert torch.float16 in {value.dtype for value in state.values()} <= {torch.float16, torch.int64}


@pytest.mark.parametrize('name', CASES)
def test_torchscript_keeps_no_device(tmp_path, name):
    graph = str(torch.jit.load(str(export(make(tmp_path, name)[1], 'torchscript').path)).inlined_graph)
    assert 'aten::_convolution' in graph
    assert 'value="cpu"' not in graph


@pytest.mark.parametrize('format', ['pth', 'safetensors'])
@pytest.mark.parametrize('name', CASES)
def test_spandrel(tmp_path, name, format):
    network, checkpoint = make(tmp_path, name)
    done = export(checkpoint, format)
    if name not in SPANDREL:
        # it takes the slim one for an ESRGAN of the usual growth
        with pytest.raises(RuntimeError if name == 'rrdb_slim' else UnsupportedModelError):
            ModelLoader().load_from_file(done.path)
        assert (
            'knows RCAN by its authors' if name == 'rcan' else f'does not know this {type(network).__name__}'
        ) in done.notes[0]
        return
    assert f'loads it as {SPANDREL[name]},' in done.notes[0]
    extends = isinstance(network, RRDBNet) and network.scale < 4
    assert ('multiples of 4' in done.notes[0]) == extends
    assert_spandrel(done.path, network, SPANDREL[name])


def assert_spandrel(path, network, architecture):
    loaded = ModelLoader().load_from_file(path)
    assert (loaded.architecture.id, loaded.scale) == (architecture, network.scale)
    extends = isinstance(network, RRDBNet) and network.scale < 4
    for x, y in images(network, sizes=((8, 12), (16, 8)) if extends else ((8, 12), (11, 18))):
        with torch.no_grad():
            assert_same(loaded(x[:1]), y[:1].clamp(0, 1))


@pytest.mark.parametrize('format', ['pth', 'safetensors'])
@pytest.mark.parametrize('scale', [3, 4])
def test_rcan_under_its_authors_names(tmp_path, scale, format):
    args = dict(mid_channels=8, num_groups=2, num_blocks=12, squeeze_factor=4, scale=scale)
    network = lively(RCAN, args)
    done = export(save_run(tmp_path / 'a.pth', network, 'RCAN', args), format, names='authors')
    assert 'loads it as RCAN,' in done.notes[0]
    assert_spandrel(done.path, network, 'RCAN')
    # and without the metadata, as published files are
    state = (
        load_file(done.path)
        if format == 'safetensors'
        else torch.load(done.path, weights_only=True)['params_ema']
    )
    torch.save(state, tmp_path / 'published.pt')
    loaded = load_generator(tmp_path / 'published.pt')
    for x, y in images(network):
        with torch.no_grad():
            assert_same(loaded(x), y)
            assert torch.equal(load_generator(done.path)(x), y)


def test_names_and_containers_of_basicsr(tmp_path):
    network, checkpoint = make(tmp_path, 'rrdb')
    content = torch.load(export(checkpoint, 'pth').path, weights_only=True)
    assert set(content) == {'params_ema', 'state_dict', 'mmsr_ext'}
    assert list(content['params_ema'])[:3] == [
        'conv_first.weight',
        'conv_first.bias',
        'body.0.rdb1.conv1.weight',
    ]
    assert (
        content['params_ema']['conv_first.weight'].data_ptr()
        == content['state_dict']['conv_first.weight'].data_ptr()
    )  # stored once
    with safe_open(export(checkpoint, 'safetensors').path, 'pt') as file:
        assert file.metadata()['architecture'] == 'RRDBNet'
        assert set(file.keys()) == set(network.state_dict())


def test_onnx_tells_what_it_is(tmp_path):
    session = onnxruntime.InferenceSession(str(export(make(tmp_path, 'deblur')[1], 'onnx').path))
    assert session.get_modelmeta().custom_metadata_map['architecture'] == 'DeblurResNet'
    (entry,), (result,) = session.get_inputs(), session.get_outputs()
    assert (entry.type, entry.shape) == ('tensor(float)', ['batch', 3, 'height', 'width'])
    assert result.shape[2:] == ['output_height', 'output_width']


def test_average_or_raw(tmp_path):
    average, trained = (lively(*CASES['compact']) for _ in range(2))
    more = {f'generator_ema.{key}': value for key, value in average.state_dict().items()}
    checkpoint = save_run(tmp_path / 'a.pth', trained, 'SRVGGNetCompact', CASES['compact'][1], **more)
    basicsr = tmp_path / 'b.pth'
    torch.save(dict(params=trained.state_dict(), params_ema=average.state_dict()), basicsr)
    for source in (checkpoint, basicsr):
        for raw, network, told in [(False, average, 'running average'), (True, trained, 'as trained')]:
            done = export(source, 'safetensors', tmp_path / 'out.safetensors', raw=raw, force=True)
            assert done.metadata['weights'] == told
            assert all(
                torch.equal(value, network.state_dict()[key]) for key, value in load_file(done.path).items()
            )
    # what an exported file says goes with it
    first = export(checkpoint, 'safetensors', license='MIT')
    second = export(first.path, 'onnx')
    assert second.metadata == first.metadata | dict(source=first.path.name)
    torch.save(trained.state_dict(), tmp_path / 'bare.pth')
    assert export(tmp_path / 'bare.pth', 'pth').metadata['weights'] == 'not known'


@pytest.mark.parametrize(
    ('architecture', 'args'),
    [
        (MMagicRRDBNet, dict(in_channels=3, out_channels=3, mid_channels=8, num_blocks=2)),
        (MSRResNet, dict(in_channels=3, out_channels=3, mid_channels=8, num_blocks=2)),
        (SRCNNNet, dict(channels=(3, 8, 8, 3))),
    ],
)
def test_mmagic_loads_ours(tmp_path, scope, architecture, args):
    """Its restorer the checkpoint of a run, its network an exported file."""
    name = architecture.__name__
    network = lively(RRDBNet if name == 'RRDBNet' else architecture, args)
    checkpoint = save_run(tmp_path / 'a.pth', network, name, args)
    restorer = MODELS.build(
        dict(
            type='mmagic.SRGAN',
            generator=dict(type=f'mmagic.{name}', **args),
            pixel_loss=dict(type='mmagic.L1Loss'),
            train_cfg=dict(),
            test_cfg=dict(),
            data_preprocessor=dict(type='mmagic.DataPreprocessor'),
        )
    )
    load_checkpoint(restorer, str(checkpoint), map_location='cpu')
    alone = MODELS.build(dict(type=f'mmagic.{name}', **args))
    done = export(checkpoint, 'pth')
    assert f'load_checkpoint, for a {name};' in done.notes[-1]
    load_checkpoint(alone, str(done.path), map_location='cpu', strict=True)
    for theirs in (restorer.generator, alone):
        assert type(theirs) is architecture
        for x, y in images(network):
            with torch.no_grad():
                assert_same(theirs(x), y)


@pytest.mark.parametrize(
    ('architecture', 'args'),
    [
        (EDSRNet, dict(mid_channels=64, num_blocks=16, upscale_factor=2)),
        (
            EDSRNet,
            dict(mid_channels=64, num_blocks=16, upscale_factor=3, res_scale=0.5, rgb_std=[1.0, 1.0, 1.0]),
        ),
        (EDSRNet, dict(mid_channels=64, num_blocks=16, upscale_factor=4, rgb_mean=[0.1, 0.2, 0.3])),
        (MMagicRRDBNet, dict(mid_channels=8, num_blocks=1, growth_channels=8, upscale_factor=2)),
        (MSRResNet, dict(mid_channels=8, num_blocks=1, upscale_factor=3)),
    ],
)
def test_ours_loads_mmagics(tmp_path, architecture, args):
    args = dict(in_channels=3, out_channels=3) | args
    network = lively(architecture, args)
    checkpoint = save_run(tmp_path / 'a.pth', network, f'mmagic.{architecture.__name__}', args)
    loaded = load_generator(export(checkpoint, 'pth').path)
    for x, y in images(network, sizes=((12, 18), (16, 14))):
        with torch.no_grad():
            assert_same(loaded(x), y)


def test_mmagics_edsr_without_a_config(tmp_path):
    network = lively(EDSRNet, dict(in_channels=3, out_channels=3, upscale_factor=4))
    torch.save(network.state_dict(), tmp_path / 'a.pth')
    loaded = load_generator(tmp_path / 'a.pth')
    for x, y in images(network):
        with torch.no_grad():
            assert_same(loaded(x), y)


def test_a_file_that_differs_is_not_kept(tmp_path, monkeypatch):
    _, checkpoint = make(tmp_path, 'compact')
    out = tmp_path / 'net.onnx'
    out.write_bytes(b'before')
    whole = export_onnx.write_onnx

    def write_other(network, *others):
        with torch.no_grad():
            network.body[0].bias += 0.01
        whole(network, *others)

    monkeypatch.setattr(sys.modules['mmsr_ext.exporting.export'], 'write_onnx', write_other)
    with pytest.raises(InputError, match=r'onnx file differs from the network by .*not kept'):
        export(checkpoint, 'onnx', out, force=True)
    assert out.read_bytes() == b'before'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['iter_3.pth', 'net.onnx']


@pytest.mark.parametrize(
    ('format', 'factor'), [*((format, 1e7) for format in FORMATS), ('onnx', 1e5), ('torchscript', 1e5)]
)
def test_what_float16_cannot_hold_is_not_kept(tmp_path, format, factor):
    """Weights beyond 65504, and activations beyond it, which a CPU's ONNX Runtime would not meet."""
    network = lively(*CASES['compact'])
    with torch.no_grad():
        network.body[0].weight.mul_(factor)
        network.body[2].weight.div_(factor)
    checkpoint = save_run(tmp_path / 'a.pth', network, 'SRVGGNetCompact', CASES['compact'][1])
    with pytest.raises(InputError, match='leave out --half'):
        export(checkpoint, format, half=True)
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']


def test_bad_input_is_one_error(tmp_path):
    _, checkpoint = make(tmp_path, 'compact')
    (tmp_path / 'text.pth').write_text('no weights')
    (tmp_path / 'folder.pth').mkdir()
    (tmp_path / 'broken.onnx').write_bytes(b'\x01\x02\x03')
    (tmp_path / 'broken.pt').write_bytes(b'\x01\x02\x03')
    torch.save(dict(state_dict={'discriminator.conv.weight': torch.ones(1)}), tmp_path / 'disc.pth')
    taken = export(checkpoint, 'pth', tmp_path / 'taken.pth').path
    before = taken.read_bytes()
    cases = [
        (lambda: export(tmp_path / 'no.pth', 'pth'), r'no\.pth does not exist'),
        (lambda: export(tmp_path / 'folder.pth', 'pth'), r'folder\.pth is a folder'),
        (lambda: export(tmp_path / 'text.pth', 'pth'), r'text\.pth is not a checkpoint'),
        (
            lambda: export(tmp_path / 'disc.pth', 'pth'),
            r'disc\.pth holds the weights of a discriminator alone',
        ),
        (lambda: export(export(checkpoint, 'onnx').path, 'pth'), r'\.onnx is not a checkpoint'),
        (lambda: export(export(checkpoint, 'torchscript').path, 'pth'), r'\.pt is a TorchScript program'),
        (
            lambda: export(checkpoint, 'ncnn'),
            "format='ncnn' must be 'safetensors', 'pth', 'onnx' or 'torchscript'",
        ),
        (lambda: export(checkpoint, 'pth', tmp_path), r'is a folder; give a file, such as .*iter_3\.pth'),
        (lambda: export(checkpoint, 'pth', tmp_path / 'a.onnx'), r'a\.onnx must end in \.pth'),
        (lambda: export(checkpoint, 'pth', checkpoint, force=True), 'is the checkpoint itself'),
        (lambda: export(checkpoint, 'pth', taken), r'taken\.pth exists; replace it with --force'),
        (lambda: export(checkpoint, 'pth', tmp_path / 'text.pth' / 'a.pth'), r'a\.pth cannot be written'),
        (
            lambda: export(checkpoint, 'pth', names='authors'),
            'authors for an RCAN; this is a SRVGGNetCompact',
        ),
        (lambda: file_info(tmp_path / 'no.onnx'), r'no\.onnx does not exist'),
        (lambda: file_info(tmp_path / 'broken.onnx'), r'broken\.onnx is no ONNX file'),
        (lambda: file_info(tmp_path / 'broken.pt'), r'broken\.pt cannot be read'),
        (
            lambda: file_info(checkpoint),
            r'iter_3\.pth was not written by (python tools/export\.py|mmsr export)',
        ),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()
    assert taken.read_bytes() == before
    assert export(checkpoint, 'pth', taken, license='MIT', force=True).metadata['license'] == 'MIT'
    assert file_info(taken)['license'] == 'MIT'
    assert not list(tmp_path.glob('.*'))


@pytest.mark.parametrize('name', discriminators.__all__)
def test_discriminators_are_not_exported(tmp_path, name):
    args = dict(network=dict(type='mmsr_ext.PatchGANDiscriminator')) if name == 'BoundedCritic' else {}
    torch.save(getattr(discriminators, name)(**args).state_dict(), tmp_path / 'd.pth')
    with pytest.raises(InputError, match=r'd\.pth is of no architecture'):
        export(tmp_path / 'd.pth', 'pth')


def test_without_onnx_everything_else_works(tmp_path, monkeypatch):
    _, checkpoint = make(tmp_path, 'compact')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[export\]'"):
        export(checkpoint, 'onnx')
    assert export(checkpoint, 'torchscript').path.exists()


@pytest.mark.parametrize(
    'text',
    [
        "model = dict(generator=dict(type='os.system', command='touch {path}'))",
        "model = dict(generator=__import__('os').system('touch {path}'))",
        "model = __import__('os').system('touch {path}')",
        (
            "model = dict(generator=dict(type='SRVGGNetCompact', init_cfg=dict(type='Pretrained', "
            "checkpoint='{path}')))"
        ),
        'model = (',
        'model = 3',
        '(' * 5000,
    ],
)
def test_a_strangers_config_runs_nothing(tmp_path, text):
    network = lively(SRVGGNetCompact, {})
    path = tmp_path / 'touched'
    torch.save(
        dict(state_dict=network.state_dict(), meta=dict(cfg=text.format(path=path))), tmp_path / 'a.pth'
    )
    loaded = load_generator(tmp_path / 'a.pth')
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in loaded.state_dict().items())
    assert not path.exists()


def test_what_a_file_says_has_to_be_true(tmp_path):
    _, checkpoint = make(tmp_path, 'compact')
    content = torch.load(export(checkpoint, 'pth').path, weights_only=True)
    for change, message in [
        (dict(architecture='Unknown'), "holds a network 'Unknown' of mmsr_ext"),
        (dict(arguments='[1]'), 'no JSON object'),
        (dict(arguments='{"width": 3}'), "argument 'width', which SRVGGNetCompact does not have"),
        (
            dict(arguments='{"mid_channels": "many"}'),
            r'SRVGGNetCompact\(mid_channels=many\), which cannot be built',
        ),
        (
            dict(arguments='{"mid_channels": 8, "num_convs": 3}'),
            'says that it is .* but has weights .* missing',
        ),
    ]:
        torch.save(content | dict(mmsr_ext=content['mmsr_ext'] | change), tmp_path / 'b.pth')
        with pytest.raises(InputError, match=message):
            load_generator(tmp_path / 'b.pth')


def test_imresize_in_half_precision():
    from mmsr_ext.functional import imresize

    x = torch.rand(1, 3, 7, 9)
    small = imresize(x.half(), 4)
    assert small.dtype == torch.float16
    np.testing.assert_allclose(small.float().numpy(), imresize(x, 4).numpy(), atol=2e-3)


@pytest.mark.parametrize(
    'metadata',
    [
        dict(architecture='Compact', scale='4'),
        dict(architecture='SRVGGNetCompact', mmsr_ext='1.0'),
        dict(architecture='RRDBNet', arguments='{}'),
    ],
)
def test_metadata_of_other_software_is_not_ours(tmp_path, metadata):
    network = lively(*CASES['compact'])
    save_file(network.state_dict(), tmp_path / 'a.safetensors', metadata)
    torch.save(dict(params=network.state_dict(), mmsr_ext=metadata), tmp_path / 'b.pth')
    torch.save(
        dict(params=network.state_dict(), mmsr_ext=dict(mmsr_ext=1, architecture=2, arguments=[])),
        tmp_path / 'c.pth',
    )
    for path in tmp_path.iterdir():
        loaded = load_generator(path)
        assert all(
            torch.equal(value, network.state_dict()[key]) for key, value in loaded.state_dict().items()
        )
        with pytest.raises(InputError, match='says nothing of itself'):
            file_info(path)
