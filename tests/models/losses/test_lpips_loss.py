import lpips
import pytest
import torch
import torchvision
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.models import GANRestorer, LPIPSLoss
from mmsr_ext.models.restorers.targets import Targets


def package(net):
    """The authors' network on a random trunk, with seed 3."""
    torch.manual_seed(3)
    return lpips.LPIPS(net=net, pnet_rand=True, verbose=False)


@pytest.fixture
def images():
    return torch.rand(2, 3, 40, 33), torch.rand(2, 3, 40, 33)


def test_value_and_gradient_equal_the_packages(images):
    torch.manual_seed(3)
    ours = LPIPSLoss('squeeze', loss_weight=0.5, pretrained='random')
    x, y = (images[0].clone().requires_grad_() for _ in range(2))
    value, expected = ours(x, images[1]), 0.5 * package('squeeze')(2 * y - 1, 2 * images[1] - 1).mean()
    torch.testing.assert_close(value, expected)
    value.backward()
    expected.backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_value_with_a_file_of_torchvisions_weights(images, tmp_path):
    trunk = torchvision.models.squeezenet1_1(weights=None)
    torch.save(trunk.state_dict(), tmp_path / 'squeeze.pth')
    ours = LPIPSLoss('squeeze', pretrained=str(tmp_path / 'squeeze.pth'), input_range=(-1.0, 1.0))
    theirs = package('squeeze')
    layers = [layer for part in theirs.net.children() for layer in part]
    for index, layer in enumerate(layers):
        layer.load_state_dict(trunk.features[index].state_dict())
    torch.testing.assert_close(ours(*images), theirs(*images).mean())


def test_is_no_part_of_the_module_tree(images):
    ours = LPIPSLoss('squeeze', pretrained='random').train()
    assert list(ours.parameters()) == []
    assert ours.state_dict() == {}
    assert not any(module.training for module in ours.network.modules())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = ours(*images)
    assert torch.equal(mixed, ours(*images))


def test_is_an_extra_loss_of_the_restorer(scope, images):
    model = GANRestorer(
        dict(type='ESPCN', scale=2),
        extra_losses=dict(lpips=dict(type='LPIPSLoss', net='squeeze', pretrained='random')),
    )
    output, target = images
    loss = model._content_losses(output, Targets(target, target, target))
    assert set(loss) == {'loss_lpips'}
    torch.testing.assert_close(loss['loss_lpips'], model.extra_losses['lpips'](*images))


def test_offline_without_weights(monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError('Name or service not known')

    monkeypatch.setattr('torch.hub.download_url_to_file', no_network)
    with pytest.raises(
        InputError, match=r'alexnet.*Name or service not known.*alexnet-owt-7be5be79\.pth.*pretrained='
    ):
        LPIPSLoss('alex')


def test_bad_arguments(tmp_path):
    with pytest.raises(InputError, match="net='resnet'"):
        LPIPSLoss('resnet')
    with pytest.raises(InputError, match='input_range'):
        LPIPSLoss('squeeze', input_range=(1.0, 1.0))
    with pytest.raises(InputError, match='no such file'):
        LPIPSLoss('squeeze', pretrained=str(tmp_path / 'a.pth'))
    torch.save(nn.Conv2d(3, 4, 3).state_dict(), tmp_path / 'b.pth')
    with pytest.raises(InputError, match=r'features\.0\.weight'):
        LPIPSLoss('squeeze', pretrained=str(tmp_path / 'b.pth'))
