"""Networks from files of weights alone."""

import pytest
import torch
from safetensors.torch import save_file
from support.configs import CONFIGS, tiny_options
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import load_generator, train
from mmsr_ext.engine import Pretrained
from mmsr_ext.models.backbones import EDSR, RCAN, RRDBNet, SRResNet, SRVGGNetCompact

RRDB_CASES = [
    dict(mid_channels=8, num_blocks=2, growth_channels=4, scale=4),
    dict(in_channels=1, out_channels=1, mid_channels=6, num_blocks=3, growth_channels=5, scale=2),
    dict(mid_channels=8, num_blocks=1, growth_channels=4, scale=1),
]
SRRESNET_CASES = [
    dict(mid_channels=8, num_blocks=2, scale=4),
    dict(mid_channels=4, num_blocks=3, scale=2, batch_norm=False, residual=True),
    dict(mid_channels=4, num_blocks=1, scale=8, output_activation='tanh', trunk_end='prelu'),
    dict(mid_channels=4, num_blocks=1, scale=2, batch_norm=False, in_channels=1, out_channels=1),
]


def shaken(network):
    """All weights and buffers random, so that equal outputs prove equal networks."""
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) * 0.2 + 0.01)
    return network.eval()


def assert_loads(path, network):
    loaded = load_generator(path)
    assert type(loaded) is type(network)
    assert loaded.scale == network.scale
    assert not loaded.training
    x = torch.rand(
        1,
        network.tail.out_channels if isinstance(network, SRResNet) else network.conv_last.out_channels,
        8,
        8,
    )
    with torch.no_grad():
        assert torch.equal(loaded(x), network(x))


@pytest.mark.parametrize(
    ('architecture', 'args'),
    [(RRDBNet, args) for args in RRDB_CASES] + [(SRResNet, args) for args in SRRESNET_CASES],
)
def test_hyper_parameters_follow_from_the_weights(tmp_path, architecture, args):
    network = shaken(architecture(**args))
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    assert_loads(tmp_path / 'net.pth', network)


def wrapped(state):
    """A state_dict in all the ways in which it is found in files."""
    other = {key: torch.zeros_like(value) for key, value in state.items()}
    return {
        'params': dict(params=state),
        'params_ema': dict(params=other, params_ema=state),
        'mmengine': dict(
            meta=dict(epoch=1), state_dict={f'generator.{key}': value for key, value in state.items()}
        ),
        'mmagic': dict(
            state_dict={f'generator.{k}': v for k, v in state.items()}
            | {'discriminator.conv.weight': torch.ones(1)}
        ),
        'mmagic_ema': dict(
            state_dict={f'generator.{key}': value for key, value in other.items()}
            | {f'generator_ema.{k}': v for k, v in state.items()}
        ),
        'ddp': {f'module.{key}': value for key, value in state.items()},
        'compile': {f'_orig_mod.{key}': value for key, value in state.items()},
        'all': dict(
            state_dict={f'module.generator._orig_mod.module.{key}': value for key, value in state.items()}
        ),
    }


@pytest.mark.parametrize(
    'wrapping', ['params', 'params_ema', 'mmengine', 'mmagic', 'mmagic_ema', 'ddp', 'compile', 'all']
)
def test_weights_are_found_in_every_wrapping(tmp_path, wrapping):
    network = shaken(RRDBNet(**RRDB_CASES[0]))
    torch.save(wrapped(network.state_dict())[wrapping], tmp_path / 'net.pth')
    assert_loads(tmp_path / 'net.pth', network)


def test_safetensors(tmp_path):
    network = shaken(RRDBNet(**RRDB_CASES[1]))
    save_file(network.state_dict(), tmp_path / 'net.safetensors')
    assert_loads(tmp_path / 'net.safetensors', network)


def esrgan_names(state, release, blocks):
    """The keys of ESRGAN's releases, written out."""
    first = {
        'conv_first': 'model.0',
        'conv_up1': 'model.3',
        'conv_up2': 'model.6',
        'conv_hr': 'model.8',
        'conv_last': 'model.10',
    }
    first['conv_body'] = f'model.1.sub.{blocks}'
    second = {'conv_up1': 'upconv1', 'conv_up2': 'upconv2', 'conv_hr': 'HRconv', 'conv_body': 'trunk_conv'}
    names = {}
    for key in state:
        layer, _, kind = key.rpartition('.')
        if layer.startswith('body.'):
            _, block, dense, conv = layer.split('.')
            names[key] = {
                1: f'model.1.sub.{block}.RDB{dense[-1]}.{conv}.0.{kind}',
                2: f'RRDB_trunk.{block}.RDB{dense[-1]}.{conv}.{kind}',
            }[release]
        else:
            names[key] = f'{(first if release == 1 else second).get(layer, layer)}.{kind}'
    return {names[key]: value for key, value in state.items()}


@pytest.mark.parametrize('release', [1, 2])
def test_the_older_names_of_esrgan(tmp_path, release):
    network = shaken(RRDBNet(**RRDB_CASES[0]))
    state = esrgan_names(network.state_dict(), release, blocks=2)
    assert (
        'model.1.sub.1.RDB3.conv5.0.weight' if release == 1 else 'RRDB_trunk.1.RDB3.conv5.weight'
    ) in state
    torch.save(state, tmp_path / 'net.pth')
    assert_loads(tmp_path / 'net.pth', network)
    started = RRDBNet(**RRDB_CASES[0])
    Pretrained(str(tmp_path / 'net.pth'))(started)
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in started.state_dict().items())


class Leftthomas(nn.Module):
    """The generator of github.com/leftthomas/SRGAN as its weights describe it."""

    def __init__(self, width, blocks, stages):
        super().__init__()
        self.last = blocks + 1
        self.block1 = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU())
        for number in range(2, self.last + 1):
            block = nn.Module()
            block.conv1, block.bn1, block.prelu = (
                nn.Conv2d(width, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.PReLU(),
            )
            block.conv2, block.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
            self.add_module(f'block{number}', block)
        self.add_module(
            f'block{self.last + 1}', nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.PReLU())
        )
        tail = []
        for _ in range(stages):
            stage = nn.Module()
            stage.conv, stage.prelu = nn.Conv2d(width, 4 * width, 3, padding=1), nn.PReLU()
            tail.append(stage)
        self.add_module(f'block{self.last + 2}', nn.ModuleList([*tail, nn.Conv2d(width, 3, 9, padding=4)]))

    def forward(self, x):
        x = head = self.block1(x)
        for number in range(2, self.last + 1):
            block = getattr(self, f'block{number}')
            x = x + block.bn2(block.conv2(block.prelu(block.bn1(block.conv1(x)))))
        x = head + getattr(self, f'block{self.last + 1}')(x)
        *stages, conv = getattr(self, f'block{self.last + 2}')
        for stage in stages:
            x = stage.prelu(nn.functional.pixel_shuffle(stage.conv(x), 2))
        return (conv(x).tanh() + 1) / 2


@pytest.mark.parametrize(('blocks', 'stages'), [(5, 2), (1, 1), (2, 3)])
def test_leftthomas_srgan(tmp_path, blocks, stages):
    network = shaken(Leftthomas(8, blocks, stages))
    # the file was written by a torch whose batch normalisation did not count
    torch.save(
        {key: v for key, v in network.state_dict().items() if 'num_batches' not in key}, tmp_path / 'net.pth'
    )
    loaded = load_generator(tmp_path / 'net.pth')
    assert isinstance(loaded, SRResNet)
    assert loaded.scale == 2**stages
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), network(x), rtol=0, atol=1e-6)


def test_weights_of_another_function_are_not_loaded_into_the_same_shapes():
    variants = [{}, {'residual': True}, {'output_activation': 'tanh'}]
    plain, residual, tanh = (SRResNet(mid_channels=4, num_blocks=1, **variant) for variant in variants)
    for one, other in [(plain, residual), (residual, plain), (tanh, plain)]:
        with pytest.raises(RuntimeError, match='output_'):
            one.load_state_dict(other.state_dict())


@pytest.mark.parametrize(('num_convs', 'scale', 'channels'), [(32, 4, 3), (16, 4, 3), (2, 2, 3), (0, 1, 1)])
def test_compact_is_recognised(num_convs, scale, channels):
    layers = [nn.Conv2d(channels, 8, 3, padding=1), nn.PReLU(8)]
    for _ in range(num_convs):
        layers += [nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8)]
    state = nn.ModuleDict(
        dict(body=nn.Sequential(*layers, nn.Conv2d(8, channels * scale**2, 3, padding=1)))
    ).state_dict()
    args, weights = SRVGGNetCompact.recognise(state)
    assert args == dict(
        in_channels=channels,
        out_channels=channels,
        mid_channels=8,
        num_convs=num_convs,
        scale=scale,
        act_type='prelu',
    )
    assert weights == state
    for other in (RRDBNet(**RRDB_CASES[0]), SRResNet(**SRRESNET_CASES[0])):
        assert SRVGGNetCompact.recognise(other.state_dict()) is None
        assert type(other).recognise(state) is None


def test_unknown_files_are_refused_with_the_known_architectures(tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / 'linear.pth')
    with pytest.raises(
        InputError, match=r'linear.pth is of no architecture .*weight, bias.* RRDBNet, SRResNet'
    ):
        load_generator(tmp_path / 'linear.pth')
    torch.save(dict(epoch=3, optimizer={}), tmp_path / 'state.pth')
    with pytest.raises(InputError, match=r'state.pth holds no weights .*epoch, optimizer'):
        load_generator(tmp_path / 'state.pth')
    (tmp_path / 'broken.safetensors').write_bytes(b'\x00' * 100)
    with pytest.raises(InputError, match=r'broken.safetensors is not a checkpoint'):
        load_generator(tmp_path / 'broken.safetensors')


def test_incomplete_weights_are_refused_with_their_names(tmp_path):
    state = RRDBNet(**RRDB_CASES[0]).state_dict()
    del state['body.1.rdb2.conv3.bias']
    torch.save(state, tmp_path / 'net.pth')
    with pytest.raises(
        InputError, match=r'looks like RRDBNet\(.*num_blocks=2.*1 missing \(such as body.1.rdb2.conv3.bias\)'
    ):
        load_generator(tmp_path / 'net.pth')


def test_esrgan_of_another_structure_is_not_taken_for_one(tmp_path):
    # old-names x2 models upsample once: model.5 and model.7 instead of model.6, 8 and 10
    state = esrgan_names(RRDBNet(**RRDB_CASES[0]).state_dict(), 1, blocks=2)
    renumbered = {'model.6.': None, 'model.8.': 'model.5.', 'model.10.': 'model.7.'}
    renamed = {}
    for key, value in state.items():
        old = next((old for old in renumbered if key.startswith(old)), '')
        if old and renumbered[old] is None:
            continue
        renamed[key.replace(old, renumbered[old]) if old else key] = value
    torch.save(renamed, tmp_path / 'x2.pth')
    with pytest.raises(InputError, match='no architecture'):
        load_generator(tmp_path / 'x2.pth')


@pytest.mark.parametrize(
    'save',
    [
        lambda state: dict(params_ema=state, params={}),
        lambda state: dict(params=state),
        lambda state: dict(state_dict={f'net_g.{key}': value for key, value in state.items()}),
        lambda state: {f'netG.{key}': value for key, value in state.items()},
        lambda state: dict(model_state_dict=state),
        lambda state: state,
    ],
)
@pytest.mark.parametrize('way', ['load_from', 'init_cfg'])
def test_a_run_starts_from_files_of_other_trainers(tmp_path, save, way):
    network = RRDBNet(**RRDB_CASES[0])
    torch.save(save(network.state_dict()), tmp_path / 'net.pth')
    options = tiny_options(tmp_path) | dict(model=dict(generator=RRDB_CASES[0]))
    if way == 'load_from':
        options['load_from'] = str(tmp_path / 'net.pth')
    else:
        options |= {
            'model.generator.init_cfg.type': 'Pretrained',
            'model.generator.init_cfg.checkpoint': str(tmp_path / 'net.pth'),
        }
    trained = train(str(CONFIGS / 'rrdb_x4.py'), str(tmp_path / 'run'), options=options).model.generator
    distances = [
        (value - network.state_dict()[key]).abs().max().item() for key, value in trained.state_dict().items()
    ]
    assert 0 < max(distances) < 3 * 2.1e-4  # three steps of Adam at 2e-4


@pytest.mark.parametrize(
    'network',
    [
        lambda: EDSR(scale=2),
        lambda: EDSR(scale=3),
        lambda: RCAN(mid_channels=8, num_groups=2, num_blocks=3, squeeze_factor=4, scale=4),
        lambda: RCAN(mid_channels=8, num_groups=1, num_blocks=1, squeeze_factor=2, scale=3),
    ],
)
def test_psnr_networks_load_from_basicsr_files(tmp_path, network):
    source = network().eval()
    torch.save({'params': source.state_dict()}, tmp_path / 'a.pth')
    loaded = load_generator(tmp_path / 'a.pth')
    x = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        assert type(loaded) is type(source)
        assert loaded.scale == source.scale
        assert torch.equal(loaded(x), source(x))


def test_edsr_of_unknown_size_does_not_guess(tmp_path):
    torch.save(EDSR(mid_channels=8, num_blocks=2).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='no architecture that is recognised'):
        load_generator(tmp_path / 'a.pth')


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_msrresnet_of_mmagic(tmp_path, scale):
    from mmagic.models.editors.srgan import MSRResNet

    source = MSRResNet(3, 3, mid_channels=8, num_blocks=2, upscale_factor=scale).eval()
    torch.save(
        {'state_dict': {f'generator.{key}': value for key, value in source.state_dict().items()}},
        tmp_path / 'a.pth',
    )
    loaded = load_generator(tmp_path / 'a.pth')
    x = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        assert torch.equal(loaded(x), source(x))
    assert loaded.scale == scale
