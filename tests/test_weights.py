"""Files that are damaged: one InputError, whatever PyTorch makes of them."""

import random

import pytest
import torch
from safetensors.torch import save_file

from mmsr_ext import InputError
from mmsr_ext.apis import load_generator
from mmsr_ext.engine import Pretrained
from mmsr_ext.models.backbones import (
    EDSR,
    ESPCN,
    RCAN,
    DeblurResNet,
    EnhanceNet,
    ModifiedSRResNet,
    RRDBNet,
    SRResNet,
    SRVGGNetCompact,
)
from mmsr_ext.weights import read_checkpoint


@pytest.fixture(scope='module')
def legacy(tmp_path_factory):
    """A file of the format before zip archives, in which much of what is published is: no check sums, lengths
    in many places."""
    path = tmp_path_factory.mktemp('legacy') / 'net.pth'
    torch.save(
        SRResNet(mid_channels=2, num_blocks=1, scale=2).state_dict(),
        path,
        _use_new_zipfile_serialization=False,
    )
    assert load_generator(path).scale == 2
    return path.read_bytes()


def outcome(path, content):
    path.write_bytes(content)
    try:
        load_generator(path)
    except InputError as error:
        return 'refused' if str(path) in str(error) and '\n' not in str(error) else str(error)
    return 'loaded'


def test_cut_anywhere(legacy, tmp_path):
    path = tmp_path / 'cut.pth'
    for length in range(0, len(legacy), 50):
        assert outcome(path, legacy[:length]) == 'refused', length
        with pytest.raises(
            InputError, match=r'cut\.pth is not a checkpoint that can be read safely \(.+\)\. It is damaged'
        ):
            read_checkpoint(path)


@pytest.mark.filterwarnings('ignore')  # PyTorch's, of protocols and types that are not there
def test_flipped_bits(legacy, tmp_path):
    rng, outcomes = random.Random(7), set()
    for _ in range(200):
        content = bytearray(legacy)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        outcomes.add(outcome(tmp_path / 'flipped.pth', bytes(content)))
    assert outcomes == {'loaded', 'refused'}  # without check sums, a flipped bit of a weight is a weight


NETWORKS = [
    (DeblurResNet, dict(mid_channels=4, num_blocks=1)),
    (EDSR, {}),
    (ESPCN, {}),
    (EnhanceNet, dict(mid_channels=4, num_blocks=1)),
    (ModifiedSRResNet, dict(mid_channels=4, num_blocks=1)),
    (RCAN, dict(mid_channels=4, num_groups=1, num_blocks=1, squeeze_factor=2)),
    (RRDBNet, dict(mid_channels=4, num_blocks=1, growth_channels=2)),
    (SRResNet, dict(mid_channels=4, num_blocks=1)),
    (SRVGGNetCompact, dict(mid_channels=4, num_convs=1)),
]


@pytest.mark.parametrize('shape', [(), (3,), (0, 0, 3, 3), (2,) * 5])
@pytest.mark.parametrize(
    ('architecture', 'args'), NETWORKS, ids=[architecture.__name__ for architecture, _ in NETWORKS]
)
def test_weights_of_shapes_that_no_network_has(tmp_path, architecture, args, shape):
    network = architecture(**args)
    torch.save({key: torch.zeros(shape) for key in network.state_dict()}, tmp_path / 'odd.pth')
    with pytest.raises(InputError, match=r'odd\.pth'):
        load_generator(tmp_path / 'odd.pth')
    with pytest.raises(InputError, match=r'odd\.pth is not for .* of another shape'):
        Pretrained(str(tmp_path / 'odd.pth'))(network)


def test_msrresnet_of_shapes_that_it_does_not_have(tmp_path):
    names = ('conv_first', 'trunk_net.0.conv1', 'upsample1.upsample_conv', 'conv_hr', 'conv_last')
    for shape in ((), (0, 0, 3, 3)):
        torch.save({f'{name}.weight': torch.zeros(shape) for name in names}, tmp_path / 'odd.pth')
        with pytest.raises(InputError, match=r'odd\.pth'):
            load_generator(tmp_path / 'odd.pth')


def test_the_state_of_a_training_is_checked_where_it_is_read(tmp_path):
    path = tmp_path / 'iter_2.pth'
    moments = torch.arange(1000.0)
    torch.save(dict(state_dict={'weight': torch.ones(3)}, optimizer={'state': moments}), path)
    content = bytearray(path.read_bytes())
    content[content.index(moments[500:].numpy().tobytes())] ^= 1
    path.write_bytes(content)
    assert read_checkpoint(path)['state_dict']['weight'].tolist() == [1, 1, 1]
    with pytest.raises(InputError, match=r'iter_2\.pth .*Bad CRC-32'):
        read_checkpoint(path, whole=True)


def test_pretrained_says_what_is_no_tensor(tmp_path):
    """SRResNet would look at its shape."""
    network = SRResNet(mid_channels=4, num_blocks=1)
    torch.save(network.state_dict() | {'head.0.weight': 3}, tmp_path / 'odd.pth')
    with pytest.raises(InputError, match=r'1 of another shape \(such as head\.0\.weight'):
        Pretrained(str(tmp_path / 'odd.pth'))(network)


@pytest.mark.parametrize('name', ['net.pth', 'net.SAFETENSORS', 'net.safetensors'])
@pytest.mark.parametrize('save', [save_file, torch.save])
def test_the_content_decides_not_the_suffix(tmp_path, name, save):
    network = SRResNet(mid_channels=2, num_blocks=1, scale=2)
    save(network.state_dict(), str(tmp_path / name))
    weights = load_generator(tmp_path / name).state_dict()
    assert all(torch.equal(weights[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n', 'git lfs pull'),
        (b'<!DOCTYPE html>\n<html><title>Release</title></html>', 'web page'),
        (b'\n  <html lang="en">', 'web page'),
    ],
)
@pytest.mark.parametrize('name', ['net.pth', 'net.safetensors'])
def test_what_a_download_leaves_in_the_place_of_weights(tmp_path, name, content, named):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=named) as caught:
        load_generator(tmp_path / name)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'key', ['params', 'params_ema', 'params-ema', 'state_dict', 'model_state_dict', 'model', 'net']
)
def test_containers_of_other_trainers(tmp_path, key):
    network = SRResNet(mid_channels=2, num_blocks=1, scale=2)
    torch.save({key: network.state_dict(), 'epoch': 3}, tmp_path / 'net.pth')
    weights = load_generator(tmp_path / 'net.pth').state_dict()
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())
