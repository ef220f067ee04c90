"""BasicSR's MSRResNet: its names, its arithmetic, its files."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch.nn import functional as F

from mmsr_ext import InputError
from mmsr_ext.apis import load_generator
from mmsr_ext.models import ModifiedSRResNet, ModifiedVGG, UNetDiscriminator
from mmsr_ext.registry import MODELS


def small(scale=4):
    torch.manual_seed(0)
    network = ModifiedSRResNet(mid_channels=6, num_blocks=2, scale=scale).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def test_parameters_and_names_are_those_of_basicsr():
    assert sum(parameter.numel() for parameter in ModifiedSRResNet().parameters()) == 1_517_571
    names = {key.rpartition('.')[0] for key in small().state_dict()}
    blocks = {f'body.{number}.conv{part}' for number in (0, 1) for part in (1, 2)}
    assert names == blocks | {'conv_first', 'upconv1', 'upconv2', 'conv_hr', 'conv_last'}
    assert 'upconv2.weight' not in small(3).state_dict()


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_arithmetic_by_hand(scale):
    network = small(scale).double()
    weights = network.state_dict()
    x = torch.rand(2, 3, 6, 5, dtype=torch.float64)

    def convolve(value, name):
        return F.conv2d(value, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=1)

    def leaky(value):
        return torch.where(value > 0, value, 0.1 * value)

    features = leaky(convolve(x, 'conv_first'))
    for number in (0, 1):
        inner = convolve(features, f'body.{number}.conv1').clamp(min=0)
        features = features + convolve(inner, f'body.{number}.conv2')
    for name, factor in [('upconv1', 2), ('upconv2', 2)] if scale == 4 else [('upconv1', scale)]:
        features = leaky(F.pixel_shuffle(convolve(features, name), factor))
    expected = convolve(leaky(convolve(features, 'conv_hr')), 'conv_last')
    expected = expected + F.interpolate(x, scale_factor=scale, mode='bilinear', align_corners=False)
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize('scale', [2, 3, 4])
@pytest.mark.parametrize('key', ['params', 'params_ema', None])
@pytest.mark.parametrize('former', [False, True])
def test_files_are_recognised(tmp_path, scale, key, former):
    network = small(scale)
    weights = network.state_dict()
    if former:
        weights = {
            name.replace('body.', 'recon_trunk.').replace('conv_hr', 'HRconv'): value
            for name, value in weights.items()
        }
    torch.save({key: weights} if key else weights, tmp_path / 'a.pth')
    loaded = load_generator(tmp_path / 'a.pth')
    x = torch.rand(1, 3, 7, 9)
    assert (type(loaded), loaded.scale) == (ModifiedSRResNet, scale)
    assert loaded(x).equal(network(x))


@pytest.mark.parametrize('scope', ['mmsr_ext', 'mmagic'])
@pytest.mark.parametrize('key', ['params', 'params_ema', None])
@pytest.mark.parametrize(
    ('kind', 'args'),
    [
        (ModifiedSRResNet, dict(mid_channels=4, num_blocks=1)),
        (UNetDiscriminator, dict(mid_channels=4)),
        (ModifiedVGG, dict(mid_channels=4, patch_size=128)),
        (ModifiedVGG, dict(mid_channels=2, patch_size=256)),
    ],
)
def test_a_file_of_basicsr_in_init_cfg(tmp_path, scope, key, kind, args):
    """Weights alone, as BasicSR saves them; by MMEngine's initialiser too."""
    weights = kind(**args).state_dict()
    torch.save({key: weights} if key else weights, tmp_path / 'a.pth')
    config = dict(type=f'mmsr_ext.{kind.__name__}', **args)
    with DefaultScope.overwrite_default_scope(scope):
        network = MODELS.build(
            dict(config, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth')))
        )
        network.init_weights()
    for name, value in network.state_dict().items():
        assert value.equal(weights[name]), name


def test_another_scale_is_refused():
    with pytest.raises(InputError, match='scale'):
        ModifiedSRResNet(scale=8)
