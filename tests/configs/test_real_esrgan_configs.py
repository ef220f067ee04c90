import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from support import ROOT
from support.configs import tiny_real_esrgan, tiny_run

from mmsr_ext.models import RealESRGANDegradation
from mmsr_ext.models.preprocessors.degradation_stage import Stage
from mmsr_ext.registry import MODELS
from mmsr_ext.weights import read_checkpoint

NAMES = ['realesrnet_x4', 'realesrnet_x4_compact', 'realesrgan_x4', 'realesrgan_x4_compact']


@pytest.mark.parametrize('name', NAMES)
def test_trains(name, tmp_path):
    runner = tiny_run(ROOT / 'configs' / f'{name}.py', tmp_path, tiny_real_esrgan(name, tmp_path / 'gt_only'))
    content = read_checkpoint(next(tmp_path.rglob('iter_3.pth')))['state_dict']
    for key, value in runner.model.generator.state_dict().items():
        assert content[f'generator.{key}'].equal(value)
        assert not content[f'generator_ema.{key}'].equal(value)
    assert int(content['data_preprocessor.pool.filled']) == 4
    scalars = runner.message_hub.log_scalars
    wanted = ['loss_pix'] + ['loss_perceptual', 'loss_gan', 'loss_d_real', 'loss_d_fake'] * (
        'realesrgan' in name
    )
    assert all(np.isfinite(scalars[f'train/{key}'].current()) for key in wanted)
    assert 'loss_style' not in ' '.join(scalars)
    assert np.isfinite(scalars['val/PSNR-Y'].current())


def test_a_resumed_run_equals_the_unbroken_one(tmp_path):
    """Generator, discriminator, average, pool, and the batches that are drawn out of it."""
    states = {}
    for part, changes in [
        ('whole', dict(max_iters=5, val_interval=5)),
        ('first', {}),
        ('second', dict(max_iters=5, val_interval=5)),
    ]:
        overrides = tiny_real_esrgan('realesrgan_x4', tmp_path / 'gt_only')
        overrides['train_dataloader']['sampler'] = dict(seed=4)
        folder = tmp_path / part
        folder.mkdir()
        overrides |= dict(train_cfg=changes, experiment_name=part)
        if part == 'second':
            overrides |= dict(load_from=str(next((tmp_path / 'first').rglob('iter_3.pth'))), resume=True)
        tiny_run(ROOT / 'configs' / 'realesrgan_x4.py', folder, overrides)
        states[part] = read_checkpoint(next(folder.rglob(f'iter_{3 if part == "first" else 5}.pth')))[
            'state_dict'
        ]
    assert states['whole'].keys() == states['second'].keys()
    parts = {key.split('.')[0] for key in states['whole']}
    assert parts == {'generator', 'generator_ema', 'discriminator', 'data_preprocessor', 'step_counter'}
    for key, value in states['whole'].items():
        assert value.equal(states['second'][key]), key


@pytest.mark.parametrize('name', NAMES)
def test_figures_of_the_released_options(name):
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    adversarial = 'realesrgan' in name
    optimizer = cfg.optim_wrapper.generator.optimizer if adversarial else cfg.optim_wrapper.optimizer
    assert optimizer == dict(type='Adam', lr=1e-4 if adversarial else 2e-4, betas=(0.9, 0.99), fused=True)
    assert cfg.train_cfg.max_iters == (400_000 if adversarial else 1_000_000)
    assert cfg.train_dataloader.batch_size == 12
    assert cfg.custom_hooks[-1] == dict(type='GeneratorEMAHook', decay=0.999)
    assert cfg.model.pixel_loss == dict(type='L1Loss', loss_weight=1.0, reduction='mean')
    if adversarial:
        assert cfg.optim_wrapper.discriminator.optimizer == optimizer
        assert cfg.model.gan_loss == dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=0.1)
        assert cfg.model.perceptual_loss.layer_weights == dict(
            conv1_2=0.1, conv2_2=0.1, conv3_4=1.0, conv4_4=1.0, conv5_4=1.0
        )
        assert cfg.model.generator.init_cfg.prefix == 'generator_ema'
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        degradation = MODELS.build(cfg.model.data_preprocessor)
    assert isinstance(degradation, RealESRGANDegradation)
    assert (degradation.gt_size, degradation.scale, len(degradation.pool.lq)) == (256, 4, 180)
    assert (degradation.gt_usm, degradation.gan_gt_usm, degradation.final_sinc_prob) == (True, False, 0.8)
    common = dict(
        kernel_sizes=(7, 9, 11, 13, 15, 17, 19, 21),
        beta_gaussian=(0.5, 4),
        beta_plateau=(1, 2),
        gaussian_prob=0.5,
        grey_prob=0.4,
        jpeg_quality=(30, 95),
    )
    assert degradation.stages == (
        Stage(
            blur_prob=1,
            sigma=(0.2, 3),
            resize_probs=(0.2, 0.7, 0.1),
            resize_range=(0.15, 1.5),
            gaussian_sigma=(1, 30),
            poisson_scale=(0.05, 3),
            **common,
        ),
        Stage(
            blur_prob=0.8,
            sigma=(0.2, 1.5),
            resize_probs=(0.3, 0.4, 0.3),
            resize_range=(0.3, 1.2),
            gaussian_sigma=(1, 25),
            poisson_scale=(0.05, 2.5),
            **common,
        ),
    )
    plain = dict(
        iso=0.45,
        aniso=0.25,
        generalized_iso=0.12,
        generalized_aniso=0.03,
        plateau_iso=0.12,
        plateau_aniso=0.03,
    )
    for stage in degradation.stages:
        assert stage.kernel_probs == pytest.approx(
            {name: 0.9 * prob for name, prob in plain.items()} | dict(sinc=0.1)
        )
