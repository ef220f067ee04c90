import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.models.backbones import RRDBNet

TINY = dict(mid_channels=8, num_blocks=2, growth_channels=4)


@pytest.mark.parametrize('scale', [1, 2, 4])
@pytest.mark.parametrize('size', [(8, 8), (7, 9)])
def test_output_has_the_size_of_the_input_times_scale(scale, size):
    height, width = size
    assert RRDBNet(scale=scale, **TINY)(torch.rand(1, 3, *size)).shape == (
        1,
        3,
        height * scale,
        width * scale,
    )


def test_image_of_odd_size_is_extended_by_reflection():
    net = RRDBNet(scale=2, **TINY)
    x = torch.rand(1, 3, 7, 9)
    extended = torch.cat((x, x[:, :, 5:6]), 2)
    extended = torch.cat((extended, extended[..., 7:8]), 3)
    torch.testing.assert_close(net(x), net(extended)[..., :14, :18])


def test_checkpointing_gives_equal_gradients():
    plain, saving = RRDBNet(**TINY), RRDBNet(with_cp=True, **TINY)
    saving.load_state_dict(plain.state_dict())
    inputs = [torch.rand(2, 3, 8, 8).requires_grad_() for _ in range(1)] * 2
    calls = []
    saving.body[0].rdb1.conv1.register_forward_hook(lambda *_: calls.append(1))
    gradients = [
        torch.autograd.grad(net(x).square().sum(), [x, *net.parameters()])
        for net, x in zip((plain, saving), inputs)
    ]
    for one, other in zip(*gradients):
        assert torch.equal(one, other)
    assert len(calls) == 2  # once forward, once again for the backward pass


def test_checkpointing_costs_nothing_without_gradients():
    net = RRDBNet(with_cp=True, **TINY)
    calls = []
    net.body[0].rdb1.conv1.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        net(torch.rand(1, 3, 8, 8))
    assert len(calls) == 1


def test_paper_size_and_initialisation():
    net = RRDBNet()
    assert sum(p.numel() for p in net.parameters()) == 16_697_987  # BasicSR's RRDBNet(3, 3, num_block=23)
    for name, parameter in net.named_parameters():
        if name.endswith('bias'):
            assert not parameter.any()
        elif parameter.numel() > 10_000:
            fan_in = parameter.shape[1] * 9
            assert parameter.std().item() == pytest.approx(0.1 * (2 / fan_in) ** 0.5, rel=0.05)


def test_other_scales_are_refused():
    with pytest.raises(InputError, match='scale=3 must be 1, 2 or 4'):
        RRDBNet(scale=3)
