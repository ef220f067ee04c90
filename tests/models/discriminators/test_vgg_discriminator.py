import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.models import VGGDiscriminator
from mmsr_ext.registry import MODELS


def test_layers_are_the_papers():
    """Figure 4: k3 n64 s1, n64 s2, n128 s1, ... n512 s2, dense 1024, dense 1; BN after all but the first."""
    net = VGGDiscriminator()
    convs = [
        (layer.out_channels, layer.stride[0]) for layer in net.features if isinstance(layer, torch.nn.Conv2d)
    ]
    assert convs == [(64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)]
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in net.features) == 7
    assert [
        (layer.in_features, layer.out_features)
        for layer in net.classifier
        if isinstance(layer, torch.nn.Linear)
    ] == [(512 * 6 * 6, 1024), (1024, 1)]


@pytest.mark.parametrize('size', [16, 33, 50, 96])
@pytest.mark.parametrize('batch_norm', [True, False])
def test_any_patch_size(size, batch_norm):
    net = VGGDiscriminator(mid_channels=2, dense_channels=4, patch_size=size, batch_norm=batch_norm)
    assert net(torch.rand(2, 3, size, size)).shape == (2, 1)


def test_channels_last_gives_the_same():
    net = VGGDiscriminator(mid_channels=4, dense_channels=8, patch_size=32).eval()
    x = torch.rand(2, 3, 32, 32)
    expected = net(x)
    out = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(out, expected)


def test_bad_sizes():
    with pytest.raises(InputError, match='patch_size=8'):
        VGGDiscriminator(patch_size=8)
    with pytest.raises(InputError, match='32x32 patches, but got 48x48'):
        VGGDiscriminator(mid_channels=2, patch_size=32)(torch.rand(1, 3, 48, 48))


BASICSR_256 = [f'conv{stage}_{part}' for stage in range(6) for part in range(2)]


def test_modified_vgg_of_256_px_has_basicsr_s_names():
    network = MODELS.build(dict(type='mmsr_ext.ModifiedVGG', mid_channels=2, patch_size=256)).eval()
    keys = {'conv0_0.bias', *(f'{name}.weight' for name in BASICSR_256)}
    for name in BASICSR_256[1:]:
        statistics = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
        keys |= {f'{name.replace("conv", "bn")}.{key}' for key in statistics}
    keys |= {f'linear{index}.{key}' for index in (1, 2) for key in ('weight', 'bias')}
    assert network.state_dict().keys() == keys
    assert network.linear1.weight.shape == (100, 16 * 4 * 4)
    assert network(torch.rand(1, 3, 256, 256)).shape == (1, 1)
    five = MODELS.build(dict(type='mmsr_ext.ModifiedVGG', mid_channels=2, patch_size=256, num_stages=5))
    assert five.linear1.weight.shape == (100, 16 * 8 * 8)
    with pytest.raises(InputError, match='multiple of 64'):
        MODELS.build(dict(type='mmsr_ext.ModifiedVGG', patch_size=96, num_stages=6))


def test_spectral_normalisation_bounds_every_layer():
    torch.manual_seed(0)
    options = dict(mid_channels=4, dense_channels=8, num_stages=2, batch_norm=False, head='location')
    net = VGGDiscriminator(**options, spectral_norm=True)
    for _ in range(200):  # power iterations, one a forward
        net(torch.rand(1, 3, 16, 16))
    layers = [layer for layer in [*net.features, *net.classifier] if hasattr(layer, 'weight_orig')]
    assert len(layers) == 6
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)
    assert net(torch.rand(2, 3, 20, 28)).shape == (2, 1, 5, 7)
