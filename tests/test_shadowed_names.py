"""Names of ours that MMagic or MMEngine has too take their arguments, or the error names the other class."""

import inspect
import re

import pytest

import mmsr_ext.registry as registries
from mmsr_ext import InputError
from mmsr_ext.arguments import keywords_of
from mmsr_ext.registry import DATASETS, METRICS, MODELS, WEIGHT_INITIALIZERS, ChildRegistry

# what another class of the name takes and ours does not
LEFT = {
    ('PairedImageDataset', key) for key in ('data_root', 'pipeline', 'io_backend', 'test_mode', 'test_dir')
}


def shadowed():
    """Yield registry, name, our class and the other one."""
    for registry in vars(registries).values():
        if not isinstance(registry, ChildRegistry):
            continue
        registry.import_from_location()
        parent = registry.parent
        while parent is not None:
            parent.import_from_location()
            for name, kind in registry.module_dict.items():
                theirs = parent.module_dict.get(name)
                if theirs is not None and theirs is not kind and kind.__module__.startswith('mmsr_ext.'):
                    yield registry, name, kind, theirs
            parent = parent.parent


def test_arguments_of_the_other_class_are_taken():
    left, names = set(), set()
    for _, name, kind, theirs in shadowed():
        names.add(name)
        known = keywords_of(kind)
        left |= {
            (name, key)
            for key, parameter in list(inspect.signature(theirs.__init__).parameters.items())[1:]
            if known is not None and key not in known and parameter.kind is not parameter.VAR_KEYWORD
        }
    assert {'RRDBNet', 'PerceptualLoss', 'PSNR', 'SSIM', 'NIQE', 'L1Loss', 'MSELoss'} <= names
    assert left == LEFT


def test_what_is_left_names_the_other_class(scope):
    with pytest.raises(
        InputError, match=re.escape("'data_root'; it belongs to type='mmagic.PairedImageDataset'")
    ):
        DATASETS.build(dict(type='PairedImageDataset', data_root='x', pipeline=[]))


def test_scale_has_two_names(scope):
    assert MODELS.build(dict(type='RRDBNet', num_blocks=1, upscale_factor=2)).scale == 2
    with pytest.raises(InputError, match='scale=1 and upscale_factor=2 are one thing'):
        MODELS.build(dict(type='RRDBNet', num_blocks=1, scale=1, upscale_factor=2))


@pytest.mark.parametrize(
    ('given', 'low'), [({}, 0.0), (dict(norm_img=False), 0.0), (dict(norm_img=True), -1.0)]
)
def test_range_of_the_perceptual_loss(scope, given, low):
    loss = MODELS.build(dict(type='PerceptualLoss', layer_weights={'2': 1.0}, pretrained='random', **given))
    assert (loss.low, loss.high) == (low, 1.0)


@pytest.mark.parametrize(
    ('given', 'named'),
    [
        (dict(norm_img=True, input_range=(0.0, 1.0)), 'one thing'),
        (dict(pretrained='torchvision://vgg16'), "'torchvision://vgg19'"),
    ],
)
def test_contradictions_of_the_perceptual_loss(scope, given, named):
    with pytest.raises(InputError, match=named):
        MODELS.build(dict(type='PerceptualLoss', layer_weights={'2': 1.0}, **given))


def test_initialiser_and_metrics_with_the_other_s_defaults(scope):
    assert WEIGHT_INITIALIZERS.build(dict(type='Pretrained', checkpoint='a.pth', prefix=None)).prefix == ''
    assert METRICS.build(dict(type='PSNR', input_order='CHW', convert_to='Y')).metric == 'PSNR-Y'


@pytest.mark.parametrize(('layer', 'named'), [('7', 'these layers come with'), ('34', 'VGG22=1.0')])
def test_offline_the_built_in_features_are_named(scope, monkeypatch, layer, named):
    def offline(*args, **kwargs):
        raise OSError('no network')

    monkeypatch.setattr('torchvision.models._api.load_state_dict_from_url', offline)
    with pytest.raises(InputError, match=f"pretrained='path/to/it'.*{named}") as caught:
        MODELS.build(dict(type='PerceptualLoss', layer_weights={layer: 1.0}))
    assert "pretrained='builtin'" in str(caught.value)
