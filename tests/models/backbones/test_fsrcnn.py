"""FSRCNN: sizes of the paper's table 1, exact output size, arithmetic by hand."""

import pytest
import torch
from torch.nn import functional as F

from mmsr_ext.models import FSRCNN


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_weights_of_the_paper(scale):
    weights = [parameter for parameter in FSRCNN(scale=scale).parameters() if parameter.ndim == 4]
    assert sum(weight.numel() for weight in weights) == 12_464  # "FSRCNN", d=56, s=12, m=4
    assert sum(parameter.numel() for parameter in FSRCNN(scale=scale).parameters()) == 12_809


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_output_has_exactly_the_scale(scale):
    assert FSRCNN(scale=scale)(torch.rand(2, 1, 11, 6)).shape == (2, 1, 11 * scale, 6 * scale)


def test_forward_by_hand():
    """Zero-insertion and a correlation with the flipped kernel, which is what a deconvolution is."""
    network = FSRCNN(mid_channels=4, shrunk_channels=3, num_mappings=2, scale=3).double()
    x = torch.rand(1, 1, 7, 5, dtype=torch.float64)
    features = x
    for stage in (network.feature, network.shrink, network.map, network.expand):
        for convolution, slope in zip(stage[::2], stage[1::2]):
            features = F.conv2d(features, convolution.weight, convolution.bias, padding=convolution.padding)
            features = features.clamp(min=0) + slope.weight.view(-1, 1, 1) * features.clamp(max=0)
    spread = features.new_zeros(1, 4, 7 * 3, 5 * 3)
    spread[..., ::3, ::3] = features
    # padding 4 of a 9x9 kernel: output pixel 0 is the first input pixel's own
    expected = F.conv2d(
        F.pad(spread, (4, 4, 4, 4)), network.deconv.weight.flip(2, 3).transpose(0, 1), network.deconv.bias
    )
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-12)
