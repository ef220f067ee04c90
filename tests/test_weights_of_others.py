"""Files of weights as other trainers write them: loaded, or refused with the next step."""

import pytest
import torch
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import load_generator
from mmsr_ext.models import SRVGGNetCompact


def network():
    torch.manual_seed(0)
    return SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2)


def prefixed(prefix, weights):
    return {f'{prefix}{key}': value for key, value in weights.items()}


@pytest.mark.parametrize(
    'prefix', ['net_g.', 'netG.', 'model.', 'model.module.', 'net_g_ema.', 'model.net_g.']
)
@pytest.mark.parametrize('others', [{}, {'net_d.conv.weight': torch.ones(2)}])
def test_prefixes_of_trainers(tmp_path, prefix, others):
    if others and prefix.startswith('model.'):
        others = {}
    weights = network().state_dict()
    torch.save(dict(state_dict=prefixed(prefix, weights) | others, epoch=3), tmp_path / 'last.ckpt')
    found = load_generator(tmp_path / 'last.ckpt').state_dict()
    assert all(torch.equal(found[key], weights[key]) for key in weights)


def test_the_average_is_preferred(tmp_path):
    weights = network().state_dict()
    average = {key: value + 1 for key, value in weights.items()}
    torch.save(prefixed('net_g.', weights) | prefixed('net_g_ema.', average), tmp_path / 'a.pth')
    found = load_generator(tmp_path / 'a.pth').state_dict()
    assert all(torch.equal(found[key], average[key]) for key in average)


@pytest.mark.parametrize('dtype', [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16])
def test_weights_of_low_precision(tmp_path, dtype):
    weights = {key: value.to(dtype) for key, value in network().state_dict().items()}
    torch.save(weights, tmp_path / 'a.pth')
    found = load_generator(tmp_path / 'a.pth').state_dict()
    assert all(torch.equal(found[key], weights[key].float()) for key in weights)


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return self.conv(x)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (lambda: prefixed('net_d.', Convolution().state_dict()), 'weights of a discriminator alone'),
        (
            lambda: torch.optim.Adam(network().parameters()).state_dict(),
            'state of a training.*saved beside it',
        ),
        (lambda: dict(epoch=1, iter=2, optimizers=[{}], schedulers=[{}]), 'state of a training'),
        (
            lambda: {'a.weight': torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)},
            'quantised weights',
        ),
        (lambda: Convolution(), 'holds an object of .*Convolution.*Save the state_dict'),
        (lambda: dict(model=Convolution()), 'holds an object of .*Convolution.*Save the state_dict'),
    ],
)
def test_what_is_refused_says_what_to_do(tmp_path, content, message):
    torch.save(content(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match=message) as caught:
        load_generator(tmp_path / 'a.pth')
    assert 'weights_only' not in str(caught.value)


@pytest.mark.parametrize('name', ['a.pt', 'a.pth', 'a.PTH'])
def test_torchscript_names_the_command(tmp_path, name):
    torch.jit.script(Convolution()).save(str(tmp_path / name))
    with pytest.raises(InputError, match=r'TorchScript program.*torch\.save\(torch\.jit\.load\('):
        load_generator(tmp_path / name)
