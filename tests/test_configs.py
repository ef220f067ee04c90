from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from support import ROOT

from mmsr_ext.config.load import load_config
from mmsr_ext.registry import MODELS

CONFIGS = sorted(path.name for path in (ROOT / 'configs').glob('*.py'))


@pytest.mark.parametrize('name', CONFIGS)
def test_model_builds_and_text_survives(name, in_root):
    cfg = Config.fromfile(f'configs/{name}')
    assert Config.fromstring(cfg.pretty_text, '.py').model == cfg.model  # what a checkpoint's meta holds
    if 'perceptual_loss' in cfg.model and cfg.model.perceptual_loss:
        cfg.model.perceptual_loss.pretrained = 'random'
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        MODELS.build(cfg.model)


@pytest.mark.parametrize('name', CONFIGS)
def test_metrics_name_their_protocol(name):
    cfg = load_config(str(ROOT / 'configs' / name))
    model_scale = cfg.val_dataloader.dataset.scale  # pairs also where training makes its own
    assert {metric.crop_border for metric in cfg.val_evaluator.metrics} == {
        model_scale if model_scale > 1 else 0
    }


def test_papers_numbers():
    """Ledig et al. 2017, section 3.2."""
    cfg = Config.fromfile(ROOT / 'configs/srgan_x4.py')
    assert (cfg.train_dataloader.batch_size, cfg.train_dataloader.dataset.gt_size) == (16, 96)
    assert (cfg.optim_wrapper.generator.optimizer.lr, cfg.optim_wrapper.generator.optimizer.betas[0]) == (
        1e-4,
        0.9,
    )
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler.milestones, cfg.param_scheduler.gamma) == (
        200_000,
        [100_000],
        0.1,
    )
    assert cfg.model.gan_loss.loss_weight == 1e-3
    assert (cfg.model.perceptual_loss.criterion, cfg.model.perceptual_loss.feature_scale) == (
        'mse',
        1 / 12.75,
    )
    assert Config.fromfile(ROOT / 'configs/srresnet_x4.py').train_cfg.max_iters == 1_000_000


def test_configs_can_be_inherited_from_elsewhere(tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'mmsr_ext::srgan_x4.py'\nmodel = dict(generator=dict(num_blocks=3))\n"
    )
    (tmp_path / 'fast.py').write_text(
        "_base_ = 'mine.py'\nmodel = dict(compile=dict(generator=dict(mode='reduce-overhead')))\n"
    )
    assert Config.fromfile(tmp_path / 'fast.py').model.compile == dict(generator=dict(mode='reduce-overhead'))
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert cfg.model.generator.num_blocks == 3
    assert cfg.model.generator.type == 'SRResNet'
    assert Path(ROOT / 'mmsr_ext/.mim/configs/srgan_x4.py').exists()
