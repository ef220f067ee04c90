from itertools import pairwise

import pytest
import torch
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.functional import imresize
from mmsr_ext.models import EnhanceNet, VGGDiscriminator


def conv(inner, outer):
    return 9 * inner * outer + outer


def test_default_is_the_papers_network():
    """Sajjadi et al. 2017, table 1: conv, 10 blocks of two, a conv after each of two upsamplings, one more,
    and the last."""
    assert (
        sum(parameter.numel() for parameter in EnhanceNet().parameters())
        == conv(3, 64) + 23 * conv(64, 64) + conv(64, 3)
        == 852_867
    )


def test_discriminator_is_the_papers():
    """Supplement, table 1: two convolutions each of 32, 64, 128, 256 and 512 channels, of which the second
    halves 128 px down to 4."""
    widths = [3, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    expected = sum(conv(*pair) for pair in pairwise(widths)) + (4 * 4 * 512 + 1) * 1024 + 1024 + 1
    network = VGGDiscriminator(mid_channels=32, num_stages=5, patch_size=128, batch_norm=False)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    assert [layer.stride[0] for layer in network.features if isinstance(layer, nn.Conv2d)] == [1, 2] * 5


@pytest.mark.parametrize('scale', [2, 4, 8])
def test_layers_in_their_order(scale):
    """The same weights in a chain of torch's own layers."""
    network = EnhanceNet(mid_channels=4, num_blocks=2, scale=scale).double()
    convolutions = iter([layer for layer in network.modules() if isinstance(layer, nn.Conv2d)])
    x = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    value = next(convolutions)(x).relu()
    for _ in range(2):
        first, second = next(convolutions), next(convolutions)
        value = value + second(first(value).relu())
    for _ in range(scale.bit_length() - 1):
        value = next(convolutions)(value.repeat_interleave(2, 2).repeat_interleave(2, 3)).relu()
    value = next(convolutions)(value).relu()
    torch.testing.assert_close(network(x), imresize(x, scale) + next(convolutions)(value))


def test_bad_scale():
    with pytest.raises(InputError, match='scale=3'):
        EnhanceNet(scale=3)


def test_discriminator_and_patch_size_that_cannot_work():
    with pytest.raises(InputError, match='patch_size=16'):
        VGGDiscriminator(num_stages=5, patch_size=16)


def test_channels_by_the_names_of_other_generators():
    assert EnhanceNet(mid_channels=4, num_blocks=1, in_channels=1, out_channels=1).head[0].in_channels == 1
    for wrong in (dict(in_channels=1, out_channels=3), dict(channels=2, in_channels=1)):
        with pytest.raises(InputError, match='must be equal'):
            EnhanceNet(mid_channels=4, num_blocks=1, **wrong)
