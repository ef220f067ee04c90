import pytest
import torch
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.models.losses.frozen_network import FrozenNetworkLoss
from mmsr_ext.models.losses.torchvision_weights import torchvision_weights


@pytest.fixture
def loss():
    built = FrozenNetworkLoss((-1.0, 1.0))
    built.set_network(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    return built


def test_the_network_is_frozen_and_outside_the_module_tree(loss):
    whole = nn.ModuleDict({'loss': loss}).train()
    assert list(whole.parameters()) == []
    assert whole.state_dict() == {}
    assert not any(module.training for module in loss.network.modules())
    assert not any(parameter.requires_grad for parameter in loss.network.parameters())


def test_the_network_follows_the_loss(loss):
    nn.ModuleDict({'loss': loss}).to(dtype=torch.float64, memory_format=torch.channels_last)
    weight = loss.network[0].weight
    assert weight.dtype == torch.float64
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_a_compiled_network_gives_the_same(loss):
    image = torch.rand(1, 3, 8, 8)
    expected = loss.run_network(image)
    loss.set_network(loss.network, dict(backend='eager'))
    assert loss.is_compiled
    assert torch.equal(loss.run_network(image), expected)


def test_images_are_mapped_to_the_unit_range(loss):
    assert loss.to_unit_range(torch.tensor([-1.0, 0.0, 1.0])).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(InputError, match=r'FrozenNetworkLoss: input_range=\(1\.0, 0\.0\)'):
        FrozenNetworkLoss((1.0, 0.0))


def test_weights_come_from_a_file(tmp_path):
    weights = {'features.0.weight': torch.rand(4, 3, 3, 3)}
    torch.save({'state_dict': weights}, tmp_path / 'net.pth')
    read = torchvision_weights('vgg19', str(tmp_path / 'net.pth'), 'leave it out.')
    assert torch.equal(read['features.0.weight'], weights['features.0.weight'])
    with pytest.raises(
        InputError, match=r"'imagenet', 'random' or a file .* of vgg19; there is no such file"
    ):
        torchvision_weights('vgg19', str(tmp_path / 'none.pth'), 'leave it out.')
