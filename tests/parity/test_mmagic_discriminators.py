"""Our discriminators and MMagic's, with the same weights."""

import pytest
import torch
from mmagic.models.archs import PatchDiscriminator
from mmagic.models.editors import ModifiedVGG as MMagicModifiedVGG
from mmagic.models.editors import UNetDiscriminatorWithSpectralNorm
from mmagic.registry import MODELS as MMAGIC
from mmengine.registry import DefaultScope

from mmsr_ext import InputError
from mmsr_ext.models import ModifiedVGG, PatchGANDiscriminator, ResNetDiscriminator, UNetDiscriminator


def assert_equal_in_training(ours, theirs, images):
    """Two training forwards, with their gradients and their power iterations, and one in eval mode."""
    for _ in range(2):
        outputs = [network(images) for network in (ours, theirs)]
        torch.testing.assert_close(*outputs, rtol=1e-6, atol=1e-8)
        for network, output in zip((ours, theirs), outputs):
            network.zero_grad()
            output.square().mean().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-8)
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('skip_connection', [True, False])
def test_unet(skip_connection):
    ours = UNetDiscriminator(mid_channels=4, skip_connection=skip_connection).double()
    theirs = UNetDiscriminatorWithSpectralNorm(3, 4, skip_connection).double()
    theirs.load_state_dict({key.replace('conv', 'conv_'): value for key, value in ours.state_dict().items()})
    assert_equal_in_training(ours, theirs, torch.rand(2, 3, 16, 24, dtype=torch.float64))


@pytest.mark.parametrize(('norm', 'norm_cfg'), [('batch', 'BN'), ('instance', 'IN')])
@pytest.mark.parametrize('num_layers', [1, 3])
def test_patchgan(norm, norm_cfg, num_layers):
    ours = PatchGANDiscriminator(mid_channels=4, num_layers=num_layers, norm=norm).double()
    theirs = PatchDiscriminator(3, 4, num_layers, dict(type=norm_cfg)).double()
    theirs.load_state_dict(ours.state_dict())
    assert_equal_in_training(ours, theirs, torch.rand(2, 3, 35, 40, dtype=torch.float64))


@pytest.mark.parametrize('spectral_norm', [True, False])
def test_resnet(spectral_norm):
    ours = ResNetDiscriminator(mid_channels=4, num_down=3, spectral_norm=spectral_norm).double()
    with DefaultScope.overwrite_default_scope('mmagic'):
        theirs = MMAGIC.build(
            dict(
                type='ProjDiscriminator',
                input_scale=32,
                base_channels=4,
                channels_cfg=[2, 4, 4],
                downsample_cfg=[True, True, False],
                with_spectral_norm=spectral_norm,
            )
        ).double()
    theirs.load_state_dict(ours.state_dict())
    assert_equal_in_training(ours, theirs, torch.rand(2, 3, 32, 24, dtype=torch.float64))


def test_resnet_for_128_px_has_the_paper_s_widths():
    with DefaultScope.overwrite_default_scope('mmagic'), torch.device('meta'):
        theirs = MMAGIC.build(dict(type='ProjDiscriminator', input_scale=128, base_channels=64))
    with torch.device('meta'):
        ours = ResNetDiscriminator()
    shapes = [{key: value.shape for key, value in network.state_dict().items()} for network in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_modified_vgg():
    theirs = MMagicModifiedVGG(3, 4).double()
    ours = ModifiedVGG(3, 4).double()
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 3, 128, 128, dtype=torch.float64)
    assert_equal_in_training(ours, theirs, images)
    ours.to(memory_format=torch.channels_last)
    torch.testing.assert_close(ours(images.to(memory_format=torch.channels_last)), theirs(images))


def test_modified_vgg_of_another_size():
    assert ModifiedVGG(3, 1, patch_size=64)(torch.rand(2, 3, 64, 64)).shape == (2, 1)
    with pytest.raises(InputError, match='patch_size=100'):
        ModifiedVGG(3, 1, patch_size=100)
    with pytest.raises(InputError, match='64x64 patches, but got 128x128'):
        ModifiedVGG(3, 1, patch_size=64)(torch.rand(2, 3, 128, 128))
