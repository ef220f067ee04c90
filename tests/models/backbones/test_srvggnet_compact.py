import pytest
import torch
from torch.nn import functional as F

from mmsr_ext import InputError
from mmsr_ext.models import SRVGGNetCompact


def reference(state, x, scale, slope=None):
    """The network from its weights alone, a key at a time."""
    out = x
    last = max(int(key.split('.')[1]) for key in state)
    for index in range(last + 1):
        weight = state.get(f'body.{index}.weight')
        if weight is not None and weight.ndim == 4:
            out = F.conv2d(out, weight, state[f'body.{index}.bias'], padding=1)
        else:
            out = torch.where(out > 0, out, out * (slope if weight is None else weight.view(1, -1, 1, 1)))
    n, c, h, w = x.shape
    out = out.view(n, c, scale, scale, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c, h * scale, w * scale)
    return out + x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)


@pytest.mark.parametrize(('act_type', 'slope'), [('prelu', None), ('relu', 0.0), ('leakyrelu', 0.1)])
@pytest.mark.parametrize('scale', [1, 3, 4])
def test_forward(act_type, slope, scale):
    network = SRVGGNetCompact(mid_channels=6, num_convs=3, scale=scale, act_type=act_type)
    x = torch.rand(2, 3, 7, 9)
    torch.testing.assert_close(network(x), reference(network.state_dict(), x, scale, slope))


def test_keys_and_size_are_those_of_general_x4v3():
    network = SRVGGNetCompact()
    keys = [
        key
        for index in range(0, 67, 2)
        for key in (f'body.{index}.weight', f'body.{index}.bias', f'body.{index + 1}.weight')
    ][:-1]
    assert list(network.state_dict()) == keys
    # 3x3 convolutions 3 -> 64, 32 times 64 -> 64, 64 -> 48, and 33 times 64 slopes
    assert (
        sum(p.numel() for p in network.parameters())
        == (27 + 1) * 64 + 32 * (576 + 1) * 64 + (576 + 1) * 48 + 33 * 64
    )


@pytest.mark.parametrize(
    ('kwargs', 'named'),
    [(dict(act_type='gelu'), 'gelu'), (dict(out_channels=1), 'out_channels=1'), (dict(scale=0), 'scale=0')],
)
def test_bad_arguments(kwargs, named):
    with pytest.raises(InputError, match=named):
        SRVGGNetCompact(**kwargs)
