"""Keys that nothing reads, and the variable that names the weights a recipe starts from."""

import pytest
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.config.load import load_config

RECIPE = str(ROOT / 'configs' / 'srgan_x4.py')


def child(tmp_path, text, base=RECIPE):
    path = tmp_path / 'child.py'
    path.write_text(f'_base_ = {base!r}\n{text}\n')
    return str(path)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('optim_wraper.optimizer.lr', "nothing reads 'optim_wraper'; did you mean 'optim_wrapper'"),
        ('max_iters', "nothing reads 'max_iters'; did you mean 'train_cfg.max_iters'"),
        ('param_schedular', "did you mean 'param_scheduler'"),
        ('pretrained_generator', 'pretrained_generator is now called init_generator'),
        ('_div2k_hint', 'is a variable of the config file, used already'),
        ('zzz', 'a variable of your own starts with an underscore'),
    ],
)
def test_an_option_that_nothing_reads(option, message):
    with pytest.raises(InputError, match=message):
        load_config(RECIPE, {option: 4})


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("optim_wraper = dict(type='OptimWrapper')", 'optim_wrapper'),
        ("pretrained_generator = 'a.pth'", 'init_generator'),
        ('zzz = 1', "nothing reads 'zzz'"),
    ],
)
def test_a_variable_that_nothing_reads(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load_config(child(tmp_path, text))


def test_variables_of_the_user(tmp_path):
    text = 'rate = 1e-5\noptim_wrapper = dict(generator=dict(optimizer=dict(lr=rate)))\n_note = 1'
    assert load_config(child(tmp_path, text)).optim_wrapper.generator.optimizer.lr == 1e-5


def test_a_config_of_another_project_may_have_more(tmp_path):
    path = tmp_path / 'theirs.py'
    path.write_text("default_scope = 'mmagic'\nsave_dir = 'work'\nscale = 4\n")
    assert load_config(str(path)).scale == 4
    path.write_text("default_scope = 'mmagic'\nparam_schedular = None\n")
    with pytest.raises(InputError, match="did you mean 'param_scheduler'"):
        load_config(str(path))


def weights(cfg):
    init_cfg = cfg.model.generator.get('init_cfg')
    return init_cfg and init_cfg['checkpoint']


def test_init_generator_from_everywhere(tmp_path):
    assert weights(load_config(RECIPE)) == 'work_dirs/srresnet_x4/iter_1000000.pth'
    assert weights(load_config(RECIPE, {'init_generator': 'a.pth'})) == 'a.pth'
    assert weights(load_config(RECIPE, {'init_generator': None})) is None
    assert weights(load_config(child(tmp_path, "init_generator = 'b.pth'"))) == 'b.pth'
    assert weights(load_config(child(tmp_path, 'init_generator = None'))) is None
    own = "model = dict(generator=dict(init_cfg=dict(checkpoint='c.pth')))"
    assert weights(load_config(child(tmp_path, own))) == 'c.pth'
    assert weights(load_config(RECIPE, {'model.generator.init_cfg.checkpoint': 'd.pth'})) == 'd.pth'
    dumped = tmp_path / 'dumped.py'  # as a run leaves it
    load_config(RECIPE, {'model.generator.init_cfg': None}).dump(dumped)
    assert weights(load_config(str(dumped))) is None
    psnr = str(ROOT / 'configs' / 'srresnet_x4.py')
    assert weights(load_config(child(tmp_path, "init_generator = 'e.pth'", psnr))) == 'e.pth'


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('*.py')), ids=lambda path: path.stem)
def test_every_recipe_has_no_unread_key(path):
    load_config(str(path))
