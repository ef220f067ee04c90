"""Files of weights as other trainers write them: loaded, or refused with the next step."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import load_generator
from mmsr_ext.engine.pretrained import Pretrained
from mmsr_ext.models import SRVGGNetCompact


def network():
    torch.manual_seed(0)
    return SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2)


def prefixed(prefix, weights):
    return {f'{prefix}{key}': value for key, value in weights.items()}


@pytest.mark.parametrize(
    'prefix',
    ['net_g.', 'netG.', 'model.', 'model.module.', 'net_g_ema.', 'model.net_g.', 'net.', 'student.', 'G.'],
)
@pytest.mark.parametrize(
    'others', [{}, {'net_d.conv.weight': torch.ones(2)}, {'vgg_loss.features.0.weight': torch.ones(2, 2)}]
)
def test_prefixes_of_trainers(tmp_path, prefix, others):
    weights = network().state_dict()
    torch.save(dict(state_dict=prefixed(prefix, weights) | others, epoch=3), tmp_path / 'last.ckpt')
    found = load_generator(tmp_path / 'last.ckpt').state_dict()
    assert all(torch.equal(found[key], weights[key]) for key in weights)


@pytest.mark.parametrize('name', ['generator', 'netG', 'G', 'weights', 'state_dict_ema', 'g_ema'])
def test_weights_in_a_dict_of_any_name(tmp_path, name):
    weights = network().state_dict()
    others = {} if name == 'weights' else {'D': Convolution().state_dict(), 'd_optim': dict(state={})}
    torch.save({'epoch': 3, name: weights, **others}, tmp_path / 'a.pth')
    found = load_generator(tmp_path / 'a.pth').state_dict()
    assert all(torch.equal(found[key], weights[key]) for key in weights)


@pytest.mark.parametrize('prefix', ['', 'generator.', 'net_g.', 'model.generator.'])
def test_a_network_whose_own_names_are_like_a_prefix(tmp_path, prefix):
    inner = Convolution()
    inner.model = inner._modules.pop('conv')
    torch.save(dict(state_dict=prefixed(prefix, inner.state_dict())), tmp_path / 'a.pth')
    other = Convolution()
    other.model = other._modules.pop('conv')
    Pretrained(str(tmp_path / 'a.pth'))(other)
    assert torch.equal(other.model.weight, inner.model.weight)


def test_the_length_of_a_header_is_no_web_page(tmp_path):
    weights = network().state_dict()
    length = int.from_bytes(b' <', 'little')
    save_file(weights, tmp_path / 'a.safetensors', metadata=dict(note=''))
    empty = int.from_bytes((tmp_path / 'a.safetensors').read_bytes()[:8], 'little')
    save_file(weights, tmp_path / 'a.safetensors', metadata=dict(note='x' * (length - empty)))
    assert (tmp_path / 'a.safetensors').read_bytes().startswith(b' <')
    load_generator(tmp_path / 'a.safetensors')


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
        (lambda: {'a.weight': torch.ones(2, 2).to(torch.int8)}, 'quantised weights.*torch.int8'),
        (lambda: dict(netG=Convolution(), epoch=3), 'holds an object of .*Convolution.*Save the state_dict'),
        (lambda: dict(optimizer_state_dict=dict(state={})), 'state of a training'),
        (lambda: dict(net_d=Convolution().state_dict()), 'weights of a discriminator alone'),
        (lambda: Convolution(), 'holds an object of .*Convolution.*Save the state_dict'),
        (lambda: dict(model=Convolution()), 'holds an object of .*Convolution.*Save the state_dict'),
    ],
)
@pytest.mark.parametrize('archive', [True, False])
def test_what_is_refused_says_what_to_do(tmp_path, content, message, archive):
    torch.save(content(), tmp_path / 'a.pth', _use_new_zipfile_serialization=archive)
    with pytest.raises(InputError, match=message) as caught:
        load_generator(tmp_path / 'a.pth')
    assert 'weights_only' not in str(caught.value)


@pytest.mark.parametrize(
    ('start', 'message'),
    [
        (b'{"message": "Not Found"}', 'a text of JSON'),
        (b'Quota exceeded', 'not a file of torch.save'),
        (b'', 'not a file of torch.save'),
        (b'\x89HDF\r\n\x1a\n', 'a file of HDF5'),
        (b'\x1f\x8b\x08\0', 'a compressed file; unpack it'),
        (b'\x89PNG\r\n\x1a\n', 'an image, not weights'),
    ],
)
def test_what_was_saved_in_the_place_of_weights(tmp_path, start, message):
    (tmp_path / 'a.pth').write_bytes(start)
    with pytest.raises(InputError, match=message):
        load_generator(tmp_path / 'a.pth')
    with pytest.raises(InputError, match='is a folder'):
        load_generator(tmp_path)


@pytest.mark.parametrize('name', ['a.pt', 'a.pth', 'a.PTH'])
def test_torchscript_names_the_command(tmp_path, name):
    torch.jit.script(Convolution()).save(str(tmp_path / name))
    with pytest.raises(InputError, match=r'TorchScript program.*torch\.save\(torch\.jit\.load\('):
        load_generator(tmp_path / name)
