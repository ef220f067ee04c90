"""VGG16 with weights of another origin: names, normalisation, errors."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmsr_ext import InputError
from mmsr_ext.models.losses import PerceptualLoss
from mmsr_ext.models.losses.vgg_features import VGGFeatures

WIDTHS = [(3, 64), (64, 64), 'pool', (64, 128), (128, 128), 'pool', (128, 256), (256, 256)]


def reference():
    """The first layers of VGG16, built by hand, and their weights under Caffe's names."""
    layers, state, block, conv = [], {}, 1, 1
    for width in WIDTHS:
        if width == 'pool':
            layers.append(nn.MaxPool2d(2))
            block, conv = block + 1, 1
            continue
        layers.append(nn.Conv2d(*width, 3, padding=1))
        state |= {f'conv{block}_{conv}.{kind}': value for kind, value in layers[-1].state_dict().items()}
        layers.append(nn.ReLU())
        conv += 1
    return nn.Sequential(*layers[:-1]), state  # ends with conv3_2, before its activation


@pytest.mark.parametrize('naming', ['conv1_1', 'conv11', 'features'])
def test_a_file_is_read_whatever_its_names(tmp_path, naming):
    network, state = reference()
    if naming == 'conv11':
        state = {key.replace('_', ''): value for key, value in state.items()}
    if naming == 'features':
        state = {f'features.{key}': value for key, value in network.state_dict().items()}
    torch.save(state, tmp_path / 'minc.pth')
    features = VGGFeatures(['conv3_2', 'relu1_2'], 'vgg16', str(tmp_path / 'minc.pth'), 'none')
    x = torch.rand(1, 3, 16, 16)
    maps = features(x)
    torch.testing.assert_close(maps['conv3_2'], network(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(maps['relu1_2'], network[:4](x), rtol=1e-5, atol=1e-6)


def test_minc_normalisation_is_bgr_255_minus_its_mean(tmp_path):
    network, state = reference()
    torch.save(state, tmp_path / 'minc.pth')
    features = VGGFeatures(['conv3_2'], 'vgg16', str(tmp_path / 'minc.pth'), 'minc')
    x = torch.rand(1, 3, 16, 16)
    caffe = torch.stack([x[:, 2] * 255 - 104, x[:, 1] * 255 - 117, x[:, 0] * 255 - 124], 1)
    torch.testing.assert_close(features(x)['conv3_2'], network(caffe), rtol=1e-4, atol=1e-4)


def test_minc_loss_is_the_distance_of_the_features(tmp_path):
    network, state = reference()
    torch.save(state, tmp_path / 'minc.pth')
    loss = PerceptualLoss(
        {'conv3_2': 1.0}, vgg_type='vgg16', pretrained=str(tmp_path / 'minc.pth'), use_input_norm='none'
    )
    x, gt = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    value, style = loss(x, gt)
    assert style is None
    torch.testing.assert_close(value, F.l1_loss(network(x), network(gt)))


def test_a_file_that_is_not_deep_enough_is_refused_with_the_layer(tmp_path):
    _, state = reference()
    torch.save(state, tmp_path / 'minc.pth')
    with pytest.raises(InputError, match='conv3_3'):
        VGGFeatures(['conv5_3'], 'vgg16', str(tmp_path / 'minc.pth'), 'none')


def test_a_damaged_file_and_an_unknown_normalisation_are_refused(tmp_path):
    (tmp_path / 'minc.pth').write_bytes(b'not weights')
    with pytest.raises(InputError, match='is not a checkpoint'):
        VGGFeatures(['conv1_1'], 'vgg16', str(tmp_path / 'minc.pth'), 'none')
    with pytest.raises(
        InputError, match="input_norm='caffe' must be True, False, 'imagenet', 'minc' or 'none'"
    ):
        VGGFeatures(['conv1_1'], 'vgg16', 'random', 'caffe')
