import pytest
import torch
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.models import DeblurResNet
from mmsr_ext.registry import MODELS


def conv(size, inner, outer):
    return size * size * inner * outer + outer


def test_default_is_the_papers_network():
    """Kupyn et al. 2018, figure 3: 7x7, two strided, nine blocks, two transposed, 7x7; instance norm without
    parameters."""
    expected = (
        conv(7, 3, 64)
        + conv(3, 64, 128)
        + conv(3, 128, 256)
        + 18 * conv(3, 256, 256)
        + conv(3, 256, 128)
        + conv(3, 128, 64)
    )
    assert (
        sum(parameter.numel() for parameter in DeblurResNet().parameters())
        == expected + conv(7, 64, 3)
        == 11_378_179
    )


def block(width):
    return [
        nn.ReflectionPad2d(1),
        nn.Conv2d(width, width, 3),
        nn.InstanceNorm2d(width),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.ReflectionPad2d(1),
        nn.Conv2d(width, width, 3),
        nn.InstanceNorm2d(width),
    ]


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def test_layers_in_their_order():
    """The same weights in a chain of torch's own layers, in train mode with the same dropout."""
    network = DeblurResNet(mid_channels=4, num_blocks=2)
    down = [
        layer
        for inner, outer in [(4, 8), (8, 16)]
        for layer in (nn.Conv2d(inner, outer, 3, 2, 1), nn.InstanceNorm2d(outer), nn.ReLU())
    ]
    up = [
        layer
        for inner, outer in [(16, 8), (8, 4)]
        for layer in (nn.ConvTranspose2d(inner, outer, 3, 2, 1, 1), nn.InstanceNorm2d(outer), nn.ReLU())
    ]
    chain = nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(3, 4, 7),
        nn.InstanceNorm2d(4),
        nn.ReLU(),
        *down,
        *[Residual(*block(16)) for _ in range(2)],
        *up,
        nn.ReflectionPad2d(3),
        nn.Conv2d(4, 3, 7),
        nn.Tanh(),
    )
    assert len(list(chain.parameters())) == len(list(network.parameters()))
    for theirs, ours in zip(chain.parameters(), network.parameters()):
        theirs.data.copy_(ours)
    x = torch.rand(2, 3, 16, 12)
    torch.manual_seed(1)
    output = network(x)
    torch.manual_seed(1)
    papers = (
        2 * x - 1
    )  # in the paper's range, which the first instance norm makes the same, but for its epsilon
    chain[2].eps *= 4
    torch.testing.assert_close(2 * output - 1, papers + chain(papers), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size', [(5, 5), (13, 18), (15, 16), (16, 21)])
def test_any_size_is_the_extended_image_cut(size):
    network = DeblurResNet(mid_channels=4, num_blocks=1).eval()
    x = torch.rand(1, 3, *size)
    output = network(x)
    assert output.shape == x.shape
    height, width = (-(-edge // 4) * 4 for edge in size)
    rows = [i if i < size[0] else 2 * (size[0] - 1) - i for i in range(height)]
    columns = [j if j < size[1] else 2 * (size[1] - 1) - j for j in range(width)]
    extended = network(x[:, :, rows][..., columns])
    torch.testing.assert_close(output, extended[..., : size[0], : size[1]])


def test_equals_mmagics_generator_plus_the_input():
    ours = DeblurResNet(mid_channels=4, num_blocks=1, norm='batch').eval()
    theirs = MODELS.build(
        dict(
            type='mmagic.ResnetGenerator',
            in_channels=3,
            out_channels=3,
            base_channels=4,
            norm_cfg=dict(type='BN'),
            num_blocks=1,
            use_dropout=True,
        )
    ).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, 3, 8, 12)
    torch.testing.assert_close(ours(x), x + theirs(x) / 2)


def test_dropout_can_be_left_out():
    assert any(isinstance(module, nn.Dropout) for module in DeblurResNet(mid_channels=4).modules())
    assert not any(
        isinstance(module, nn.Dropout) for module in DeblurResNet(mid_channels=4, dropout=False).modules()
    )


def test_initialised_with_small_weights():
    network = DeblurResNet(mid_channels=32, num_blocks=1)
    weights = torch.cat(
        [
            layer.weight.flatten()
            for layer in network.modules()
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        ]
    )
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    assert not any(value.any() for key, value in network.state_dict().items() if key.endswith('bias'))


def test_bad_norm_and_size():
    with pytest.raises(InputError, match="norm='layer'"):
        DeblurResNet(norm='layer')
    with pytest.raises(InputError, match='4x9'):
        DeblurResNet(mid_channels=4, num_blocks=1)(torch.rand(1, 3, 4, 9))
