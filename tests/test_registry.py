import pytest
from mmengine.registry import MODELS as ROOT
from mmengine.registry import DefaultScope

from mmsr_ext import InputError, registry


@pytest.mark.parametrize(
    ('name', 'module'),
    [
        ('GANRestorer', 'mmsr_ext'),
        ('SRResNet', 'mmsr_ext'),
        ('PerceptualLoss', 'mmsr_ext'),
        ('MSRResNet', 'mmagic'),
        ('ModifiedVGG', 'mmsr_ext'),
        ('CharbonnierLoss', 'mmagic'),
        ('L1Loss', 'mmsr_ext'),
        ('mmagic.L1Loss', 'mmagic'),
        ('BaseDataPreprocessor', 'mmengine'),
        ('mmagic.PerceptualLoss', 'mmagic'),
    ],
)
def test_bare_names_resolve_here_then_in_mmagic(scope, name, module):
    assert registry.MODELS.get(name).__module__.split('.')[0] == module


def test_our_names_resolve_from_an_mmagic_config():
    from mmagic.registry import MODELS

    with DefaultScope.overwrite_default_scope('mmagic'):
        built = ROOT.build(dict(type='mmsr_ext.SRResNet', mid_channels=4, num_blocks=1))
        assert type(built).__module__.startswith('mmsr_ext')
        assert MODELS.get('PerceptualLoss').__module__.startswith('mmagic')


def test_every_registry_of_mmagic_has_a_child(scope):
    from mmagic import registry as mmagic

    for name in set(mmagic.__all__) - {'DIFFUSION_SCHEDULERS'}:
        assert getattr(registry, name).parent is getattr(mmagic, name)


def test_names_that_mmagic_replaces_are_known(scope):
    """Where MMEngine is asked first, MMagic has no other part of the same name."""
    for child in vars(registry).values():
        if isinstance(child, registry.ChildRegistry) and set(child.parent._locations) & set(registry.SLOW):
            for ancestor in (child, child.parent, child.root):
                ancestor.import_from_location()
            both = child.parent.module_dict.keys() & child.root.module_dict.keys()
            assert both - child.module_dict.keys() <= set(registry.REPLACED), child.name
            for name in set(registry.REPLACED) & both:
                assert child.get(name) is child.parent.module_dict[name]


@pytest.mark.parametrize('name', ['Nothing', 'mmsr_ext.Nothing', 'mmagic.Nothing'])
def test_a_name_that_nobody_has(scope, name):
    with pytest.raises((InputError, KeyError), match='Nothing'):
        registry.MODELS.build(dict(type=name))


@pytest.mark.parametrize(
    ('child', 'name', 'near'),
    [
        ('MODELS', 'SRResnet', 'SRResNet'),
        ('MODELS', 'mmsr_ext.SRResnet', 'SRResNet'),
        ('MODELS', 'CharbonierLoss', 'CharbonnierLoss'),
        ('HOOKS', 'ChekpointHook', 'CheckpointHook'),
    ],
)
def test_a_misspelt_name_is_told_the_nearest(scope, child, name, near):
    with pytest.raises(InputError, match=f'did you mean {near!r}'):
        getattr(registry, child).build(dict(type=name))
    assert name not in getattr(registry, child)


def test_readme_names_every_recipe():
    from support import ROOT

    text = (ROOT / 'README.md').read_text()
    assert [
        path.name
        for path in (ROOT / 'configs').glob('*.py')
        if f'`{path.name}`' not in text and 'demo' not in path.name
    ] == []
