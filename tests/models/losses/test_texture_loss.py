"""PerceptualLoss as EnhanceNet's perceptual and texture loss."""

import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.models import PerceptualLoss

LAYERS, STYLE = dict(pool1=2e-1, pool2=2e-2), dict(relu1_1=3e-3, relu2_1=1e-2)


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 24, dtype=torch.float64), torch.rand(2, 3, 16, 24, dtype=torch.float64)


def loss(**kwargs):
    built = PerceptualLoss(
        LAYERS, STYLE, criterion='mse', style_weight=2.0, style_patch_size=4, pretrained='random', **kwargs
    )
    built.network.double()
    return built


@pytest.mark.parametrize('unit_mean', [False, True])
def test_value_against_a_plain_loop(images, unit_mean):
    built = loss(feature_scale='unit_mean' if unit_mean else 1.0)
    perceptual, texture = built(*images)
    x, y = (built.network(image) for image in images)
    expected = {}
    for layer in {**LAYERS, **STYLE}:
        a, b = x[layer].clone(), y[layer].clone()
        for n in range(2):
            scale = 1 / b[n].abs().mean() if unit_mean else 1
            a[n], b[n] = a[n] * scale, b[n] * scale
        if layer in LAYERS:
            expected[layer] = LAYERS[layer] * (a - b).square().mean()
            continue
        total, patches = 0, 0
        for n in range(2):
            for top in range(0, a.shape[2], 4):
                for left in range(0, a.shape[3], 4):
                    f, g = (z[n, :, top : top + 4, left : left + 4].reshape(z.shape[1], 16) for z in (a, b))
                    total, patches = total + (f @ f.T - g @ g.T).square().sum(), patches + 1
        expected[layer] = 2 * STYLE[layer] * total / patches
    torch.testing.assert_close(perceptual, sum(expected[layer] for layer in LAYERS))
    torch.testing.assert_close(texture, sum(expected[layer] for layer in STYLE))


def test_one_forward_of_each_image_serves_both_terms(images):
    built = loss()
    seen = []
    built.network.features[0].register_forward_hook(lambda module, args, output: seen.append(args[0]))
    built(*images)
    assert len(seen) == 2


def test_unit_mean_does_not_depend_on_the_scale_of_the_network(images):
    built = loss(feature_scale='unit_mean')
    before = built(*images)
    for parameter in built.network.features[0].parameters():
        parameter.mul_(7.0)  # all maps of the first layer, and no biases after it to speak of
    for layer in built.network.features[1:]:
        if hasattr(layer, 'bias'):
            layer.bias.mul_(7.0)
    torch.testing.assert_close(built(*images), before)


def test_the_target_gets_no_gradient(images):
    x, gt = (image.requires_grad_() for image in images)
    sum(loss(feature_scale='unit_mean')(x, gt)).backward()
    assert gt.grad is None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (dict(feature_scale='mean'), "feature_scale='mean'"),
        (dict(style_patch_size=0), 'style_patch_size=0'),
    ],
)
def test_bad_arguments(arguments, named):
    with pytest.raises(InputError, match=named):
        PerceptualLoss(LAYERS, STYLE, pretrained='random', **arguments)
