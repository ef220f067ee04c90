"""EDSR, RCAN, ESPCN and MMagic's SRCNN: sizes, names and arithmetic."""

import pytest
import torch
from torch.nn import functional as F

from mmsr_ext import InputError
from mmsr_ext.models import EDSR, ESPCN, RCAN
from mmsr_ext.registry import MODELS


def conv(size, inner, outer):
    return size * size * inner * outer + outer


def trunk(blocks, width, stages):
    """Parameters of what EDSR and RCAN have in common, by figure 2 of either paper."""
    return (
        conv(3, 3, width)
        + blocks
        + conv(3, width, width)
        + sum(conv(3, width, k * k * width) for k in stages)
        + conv(3, width, 3)
    )


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def edsr(width, blocks, stages):
    return trunk(blocks * 2 * conv(3, width, width), width, stages)


RCAB = 2 * conv(3, 64, 64) + conv(1, 64, 4) + conv(1, 4, 64)


@pytest.mark.parametrize(
    ('build', 'expected', 'published'),
    [
        (EDSR, edsr(64, 16, [2, 2]), 1_517_571),
        (lambda: EDSR(mid_channels=256, num_blocks=32, res_scale=0.1), edsr(256, 32, [2, 2]), 43_089_923),
        (lambda: EDSR(scale=3), edsr(64, 16, [3]), None),
        (RCAN, trunk(10 * (20 * RCAB + conv(3, 64, 64)), 64, [2, 2]), 15_592_355),
        (ESPCN, conv(5, 3, 64) + conv(3, 64, 32) + conv(3, 32, 3 * 16), 37_200),
        (lambda: ESPCN(1, 1), conv(5, 1, 64) + conv(3, 64, 32) + conv(3, 32, 16), 24_752),
        (
            lambda: MODELS.build(dict(type='SRCNNNet')),
            conv(9, 3, 64) + conv(1, 64, 32) + conv(5, 32, 3),
            20_099,
        ),
    ],
)
def test_parameter_counts(build, expected, published):
    with torch.device('meta'):
        assert count(build()) == expected
    assert published in (None, expected)


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
@pytest.mark.parametrize(
    'build',
    [
        lambda scale: EDSR(mid_channels=4, num_blocks=1, scale=scale),
        lambda scale: RCAN(mid_channels=4, num_groups=1, num_blocks=1, squeeze_factor=2, scale=scale),
        lambda scale: ESPCN(mid_channels=(4, 4), scale=scale),
    ],
)
def test_shapes(build, scale):
    assert build(scale)(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)


def test_names_are_those_of_basicsr():
    """As in BasicSR's files EDSR_Mx4 (two stages of upsampling), EDSR_Mx3 (one) and RCAN."""

    def keys(network):
        return {key.removesuffix('.weight') for key in network.state_dict() if not key.endswith('.bias')}

    edges = {'conv_first', 'conv_after_body', 'conv_last', 'upsample.0'}
    body = {f'body.{i}.conv{j}' for i in range(2) for j in (1, 2)}
    assert keys(EDSR(mid_channels=4, num_blocks=2)) == edges | {'upsample.2'} | body
    assert keys(EDSR(mid_channels=4, num_blocks=2, scale=3)) == edges | body
    group = {
        f'residual_group.{i}.rcab.{j}' for i in range(2) for j in ('0', '2', '3.attention.1', '3.attention.3')
    } | {'conv'}
    body = {f'body.{i}.{name}' for i in range(3) for name in group}
    assert (
        keys(RCAN(mid_channels=4, num_groups=3, num_blocks=2, squeeze_factor=2))
        == edges | {'upsample.2'} | body
    )


def test_rcan_is_the_papers_arithmetic():
    """Zhang et al. 2018, eq. (5) to (10), written down as they stand."""
    network = RCAN(
        mid_channels=6, num_groups=2, num_blocks=3, squeeze_factor=3, scale=2, res_scale=0.5
    ).double()
    w = {key: value.double() for key, value in network.state_dict().items()}
    x = torch.rand(2, 3, 6, 5, dtype=torch.float64)

    def convolve(value, name, padding=1):
        return F.conv2d(value, w[f'{name}.weight'], w[f'{name}.bias'], padding=padding)

    mean = torch.tensor([0.4488, 0.4371, 0.4040]).double().view(1, 3, 1, 1)
    shallow = value = convolve(255 * (x - mean), 'conv_first')
    for g in range(2):
        into_group = value
        for b in range(3):
            name = f'body.{g}.residual_group.{b}.rcab'
            residual = convolve(convolve(value, f'{name}.0').clamp(min=0), f'{name}.2')
            statistic = residual.mean((2, 3), keepdim=True)
            weight = convolve(
                convolve(statistic, f'{name}.3.attention.1', 0).clamp(min=0), f'{name}.3.attention.3', 0
            )
            value = value + 0.5 * residual / (1 + torch.exp(-weight))
        value = into_group + convolve(value, f'body.{g}.conv')
    value = F.pixel_shuffle(convolve(shallow + convolve(value, 'conv_after_body'), 'upsample.0'), 2)
    torch.testing.assert_close(network(x), convolve(value, 'conv_last') / 255 + mean)


def test_img_range_scales_the_image_around_its_mean():
    network = EDSR(mid_channels=4, num_blocks=2, img_range=1.0).double()
    scaled = EDSR(mid_channels=4, num_blocks=2, img_range=255.0).double()
    scaled.load_state_dict(network.state_dict())
    x, mean = torch.rand(1, 3, 4, 4, dtype=torch.float64), network.mean
    torch.testing.assert_close(scaled(x), (network((x - mean) * 255 + mean) - mean) / 255 + mean)


def test_espcn_is_the_papers_arithmetic():
    network = ESPCN(1, 1, (4, 2), scale=3).double()
    x = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    value = F.conv2d(x, network.conv1.weight, network.conv1.bias, padding=2).tanh()
    value = F.conv2d(value, network.conv2.weight, network.conv2.bias, padding=1).tanh()
    value = F.conv2d(value, network.conv3.weight, network.conv3.bias, padding=1)
    expected = torch.empty(12, 15, dtype=torch.float64)
    for i in range(12):  # eq. (4): the channel of a pixel is its place within its block
        for j in range(15):
            expected[i, j] = value[0, 3 * (i % 3) + j % 3, i // 3, j // 3]
    torch.testing.assert_close(network(x)[0, 0], expected)


@pytest.mark.parametrize(
    ('build', 'named'),
    [
        (lambda: EDSR(scale=5), 'EDSR: scale=5'),
        (lambda: RCAN(scale=1), 'RCAN: scale=1'),
        (lambda: EDSR(in_channels=1, out_channels=1), 'EDSR: rgb_mean'),
        (lambda: RCAN(mid_channels=8), 'squeeze_factor=16'),
        (lambda: ESPCN(scale=1), 'scale=1'),
        (lambda: ESPCN(kernel_sizes=(5, 4, 3)), 'kernel_sizes'),
    ],
)
def test_bad_arguments(build, named):
    with pytest.raises(InputError, match=named):
        build()
