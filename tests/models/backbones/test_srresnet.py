import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.functional import imresize
from mmsr_ext.models import SRResNet


def test_default_is_the_papers_network():
    """Parameters counted from figure 4: convolutions with bias, one slope a PReLU, scale and shift a BN."""

    def conv(k, c_in, c_out):
        return k * k * c_in * c_out + c_out

    blocks = 16 * (2 * conv(3, 64, 64) + 2 * 2 * 64 + 1)
    expected = (
        conv(9, 3, 64) + 1 + blocks + conv(3, 64, 64) + 2 * 64 + 2 * (conv(3, 64, 256) + 1) + conv(9, 64, 3)
    )
    assert sum(parameter.numel() for parameter in SRResNet().parameters()) == expected


@pytest.mark.parametrize('scale', [2, 4, 8])
@pytest.mark.parametrize('batch_norm', [True, False])
def test_shapes(scale, batch_norm):
    out = SRResNet(mid_channels=4, num_blocks=1, scale=scale, batch_norm=batch_norm)(torch.rand(2, 3, 5, 7))
    assert out.shape == (2, 3, 5 * scale, 7 * scale)


def test_tanh_is_mapped_to_the_image_range():
    net = SRResNet(mid_channels=4, num_blocks=1)
    x = torch.rand(1, 3, 6, 6) * 20
    plain = net(x)
    net.output_activation = 'tanh'
    torch.testing.assert_close(net(x), torch.sigmoid(2 * plain))


def test_residual_adds_the_bicubic_image():
    net = SRResNet(mid_channels=4, num_blocks=1, residual=True)
    torch.nn.init.zeros_(net.tail.weight)
    torch.nn.init.zeros_(net.tail.bias)
    x = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(net(x), imresize(x, 4))


def test_skips_are_where_the_paper_has_them():
    net = SRResNet(mid_channels=4, num_blocks=2).eval()
    for name, parameter in net.body.named_parameters():
        if 'conv2' in name or name.startswith('2.'):
            torch.nn.init.zeros_(
                parameter
            )  # the residual branches and the convolution after them give nothing
    x = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(net(x), net.tail(net.upsample(net.head(x))))


@pytest.mark.parametrize('upsampling', ['icnr', 'nearest'])
def test_upsampling_that_starts_without_a_grid(upsampling):
    """A flat image stays flat inside; with PixelShuffle neighbouring pixels differ."""

    def spread(upsampling):
        torch.manual_seed(0)
        net = SRResNet(mid_channels=4, num_blocks=1, batch_norm=False, upsampling=upsampling)
        inside = net.upsample(net.head(torch.full((1, 3, 24, 24), 0.5)))[:, :, 32:-32, 32:-32]
        return float(inside.std((2, 3)).max())

    assert spread(upsampling) < 1e-5
    assert spread('pixelshuffle') > 1e-2


@pytest.mark.parametrize('scale', [2, 4])
def test_nearest_is_recognised(scale):
    net = SRResNet(mid_channels=4, num_blocks=1, scale=scale, upsampling='nearest')
    args, weights = SRResNet.recognise(net.state_dict())
    again = SRResNet(**args)
    again.load_state_dict(weights)
    assert (args['upsampling'], args['scale']) == ('nearest', scale)


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (dict(scale=3), 'scale=3'),
        (dict(output_activation='relu'), "'relu'"),
        (dict(residual=True, output_activation='tanh'), 'residual=True'),
        (dict(residual=True, in_channels=1), 'residual=True'),
    ],
)
def test_bad_arguments(arguments, named):
    with pytest.raises(InputError, match=named):
        SRResNet(**arguments)
