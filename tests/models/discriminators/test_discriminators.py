"""What holds for every discriminator."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmsr_ext import InputError
from mmsr_ext.registry import MODELS

RESNET = dict(type='mmsr_ext.ResNetDiscriminator', mid_channels=4)
PATCHGAN = dict(type='mmsr_ext.PatchGANDiscriminator', mid_channels=4)
DISCRIMINATORS = {
    'vgg': (
        dict(type='mmsr_ext.VGGDiscriminator', mid_channels=4, patch_size=35, dense_channels=8),
        (35, 35),
        (1,),
    ),
    'vgg per location': (
        dict(type='mmsr_ext.VGGDiscriminator', mid_channels=4, dense_channels=8, head='location'),
        (33, 50),
        (1, 3, 4),
    ),
    'resnet': (RESNET | dict(num_down=3), (13, 30), (1,)),
    'resnet without spectral norm': (RESNET | dict(num_down=1, spectral_norm=False), (7, 9), (1,)),
    'patchgan': (PATCHGAN, (37, 50), (1, 2, 4)),
    'patchgan with spectral norm': (PATCHGAN | dict(norm='none', spectral_norm=True), (37, 50), (1, 2, 4)),
    'patchgan with instance norm': (PATCHGAN | dict(norm='instance', num_layers=1), (9, 11), (1, 2, 3)),
    'unet': (dict(type='mmsr_ext.UNetDiscriminator', mid_channels=4), (13, 26), (1, 13, 26)),
    'unet without skips': (
        dict(type='mmsr_ext.UNetDiscriminator', mid_channels=4, skip_connection=False),
        (9, 15),
        (1, 9, 15),
    ),
}


@pytest.fixture(params=DISCRIMINATORS)
def case(request):
    cfg, size, shape = DISCRIMINATORS[request.param]
    return MODELS.build(cfg), size, shape


def test_odd_sizes(case):
    network, size, shape = case
    assert network(torch.rand(2, 3, *size)).shape == (2, *shape)


def test_batch_of_one_and_eval(case):
    network, size, shape = case
    assert network.eval()(torch.rand(1, 3, *size)).shape == (1, *shape)


def test_every_parameter_learns(case):
    network, size, _ = case
    network(torch.rand(2, 3, *size)).square().mean().backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters()
    )


def test_channels_last(case):
    network, size, _ = case
    network.double()
    state = {key: value.clone() for key, value in network.state_dict().items()}
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    expected = network(images)
    network.load_state_dict(state)
    network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(
        network(images.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-9, atol=1e-12
    )


def test_bf16(case):
    network, size, shape = case
    images = torch.rand(2, 3, *size)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    expected = network(images)
    network.load_state_dict(state)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logits = network(images)
        logits.float().mean().backward()
    assert logits.dtype == torch.bfloat16
    assert logits.shape == (2, *shape)
    torch.testing.assert_close(
        logits.float(), expected, rtol=0.1, atol=0.05 * expected.detach().abs().max().item()
    )
    assert all(parameter.grad.dtype == torch.float32 for parameter in network.parameters())


def test_init_weights_keeps_the_initialisation(case):
    network = case[0]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.init_weights()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize('name', ['resnet', 'patchgan with spectral norm', 'unet'])
def test_power_iteration_runs_once_a_training_forward_and_not_in_eval(name):
    cfg, size, _ = DISCRIMINATORS[name]
    network = MODELS.build(cfg).double()
    layers = [layer for layer in network.modules() if hasattr(layer, 'weight_u')]
    assert len(layers) == {'resnet': 12, 'patchgan with spectral norm': 5, 'unet': 8}[name]
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    u = [layer.weight_u.clone() for layer in layers]
    for _ in range(2):
        network(images)
        for index, layer in enumerate(layers):
            matrix = layer.weight_orig.detach().flatten(1)
            v = F.normalize(matrix.T @ u[index], dim=0)
            u[index] = F.normalize(matrix @ v, dim=0)
            torch.testing.assert_close(layer.weight_u, u[index], rtol=1e-12, atol=1e-14)
            torch.testing.assert_close(
                layer.weight * (u[index] @ matrix @ v), layer.weight_orig, rtol=1e-10, atol=1e-12
            )
    network.eval()
    first = network(images)
    assert torch.equal(network(images), first)
    for layer, expected in zip(layers, u):
        torch.testing.assert_close(layer.weight_u, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ('cfg', 'size', 'message'),
    [
        (RESNET | dict(num_down=4), 15, '15x15, but num_down=4 needs at least 16x16'),
        (PATCHGAN, 23, 'need at least 24x24'),
        (dict(type='mmsr_ext.UNetDiscriminator', mid_channels=4), 7, 'at least 8x8'),
        (
            dict(type='mmsr_ext.VGGDiscriminator', mid_channels=4, patch_size=32),
            33,
            'built for 32x32 patches',
        ),
    ],
)
def test_unsuitable_sizes(cfg, size, message):
    network = MODELS.build(cfg)
    with pytest.raises(InputError, match=message):
        network(torch.rand(2, 3, size, size))


@pytest.mark.parametrize(
    ('cfg', 'size'),
    [
        (RESNET | dict(num_down=4), 16),
        (PATCHGAN | dict(norm='instance'), 24),
        (dict(type='mmsr_ext.UNetDiscriminator', mid_channels=4), 8),
    ],
)
def test_smallest_size(cfg, size):
    assert MODELS.build(cfg)(torch.rand(2, 3, size, size)).isfinite().all()


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (RESNET | dict(num_down=0), 'num_down=0 must be an integer of at least 1'),
        (PATCHGAN | dict(num_layers=0), 'num_layers=0 must be an integer of at least 1'),
        (PATCHGAN | dict(norm='layer'), "norm='layer' must be 'none', 'batch' or 'instance'"),
        (dict(type='mmsr_ext.VGGDiscriminator', head='dense'), "head='dense' must be 'patch' or 'location'"),
    ],
)
def test_errors(cfg, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(cfg)


def test_location_head_is_dense_layers_on_the_channels():
    network = MODELS.build(DISCRIMINATORS['vgg per location'][0]).eval()
    features = network.features(torch.rand(2, 3, 40, 24))
    first, last = (layer for layer in network.classifier if isinstance(layer, nn.Conv2d))
    for row in range(features.shape[2]):
        for column in range(features.shape[3]):
            hidden = F.leaky_relu(
                F.linear(features[:, :, row, column], first.weight.flatten(1), first.bias), 0.2
            )
            logit = F.linear(hidden, last.weight.flatten(1), last.bias)
            torch.testing.assert_close(network.classifier(features)[:, :, row, column], logit)
