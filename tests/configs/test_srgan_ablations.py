import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from support.configs import CONFIGS, tiny_run

from mmsr_ext.registry import MODELS

SMALL = {
    'model.generator.mid_channels': 4,
    'model.generator.num_blocks': 1,
    'model.generator.init_cfg': None,
    'model.discriminator.mid_channels': 4,
    'model.discriminator.patch_size': 32,
    'model.discriminator.dense_channels': 8,
}
RANDOM_VGG = {'model.perceptual_loss.pretrained': 'random'}


def logged(runner) -> dict:
    scalars = runner.message_hub.log_scalars
    return {key.removeprefix('train/'): scalars[key].current() for key in scalars if key.startswith('train/')}


@pytest.mark.parametrize(
    ('config', 'overrides', 'content'),
    [
        ('srgan_x4_vgg22.py', {}, 'loss_perceptual'),
        ('srgan_x4_mse.py', {}, 'loss_pix'),
        ('srgan_x4_blur.py', RANDOM_VGG, 'loss_perceptual'),
    ],
)
def test_trains(config, overrides, content, tmp_path):
    runner = tiny_run(CONFIGS / config, tmp_path, SMALL | overrides)
    logs = logged(runner)
    assert {key for key in logs if 'loss' in key} == {content, 'loss_gan', 'loss_d_real', 'loss_d_fake'}
    assert all(torch.isfinite(torch.tensor(value)) for value in logs.values())
    assert runner.iter == 3
    assert int(runner.model.step_counter) == 3
    assert 'val/PSNR-Y' in runner.message_hub.log_scalars


def test_vgg22_has_one_layer():
    cfg = Config.fromfile(CONFIGS / 'srgan_x4_vgg22.py')
    assert cfg.model.perceptual_loss.layer_weights == {'VGG22': 1.0}


def test_blur_config():
    cfg = Config.fromfile(CONFIGS / 'srgan_x4_blur.py').model
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        preprocessor, discriminator = MODELS.build(cfg.data_preprocessor), MODELS.build(cfg.discriminator)
    assert (preprocessor.scale, preprocessor.sigma, preprocessor.std.unique().item()) == (4, 1.5, 255)
    assert discriminator(torch.rand(1, 3, 96, 96)).shape == (1, 1, 6, 6)
