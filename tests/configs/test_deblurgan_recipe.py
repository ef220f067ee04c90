"""DeblurGAN's configs through the stock runner."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support import ROOT
from support.configs import tiny_options, tiny_run

from mmsr_ext.apis import evaluate
from mmsr_ext.registry import MODELS

GENERATOR = dict(mid_channels=4, num_blocks=1)
CRITIC = dict(mid_channels=2, num_layers=1)
NAMES = ['deblurgan_gopro.py', 'deblurgan_gopro_wgan.py', 'deblurgan_synthetic.py']
TERMS = {'loss_perceptual', 'loss_gan', 'loss_d_real', 'loss_d_fake'}


@pytest.mark.parametrize('name', NAMES)
def test_trains(name, tmp_path, in_root):
    overrides = {
        'model.generator': GENERATOR,
        'model.perceptual_loss.pretrained': 'random',
        'model.discriminator': dict(network=CRITIC) if 'wgan' in name else CRITIC,
        'custom_hooks': [dict(type='BasicVisualizationHook', interval=1)],
    }
    runner = tiny_run(f'configs/{name}', tmp_path, overrides)
    assert runner.iter == 3
    scalars = runner.message_hub.log_scalars
    logged = TERMS | (set() if 'wgan' in name else {'loss_gp'})
    assert {key.removeprefix('train/') for key in scalars if key.startswith('train/loss_')} == logged
    for term in logged:
        assert all(abs(loss) < float('inf') for loss in scalars[f'train/{term}'].data[0])
    measured = {key for key in scalars if key.startswith('val/') and not key.endswith('time')}
    assert measured == {'val/PSNR-RGB', 'val/SSIM-RGB', 'val/input/PSNR-RGB', 'val/input/SSIM-RGB'}
    picture = next(Path(runner.work_dir).glob('*/vis_data/vis_image/0*.png'))
    assert Image.open(picture).size == (3 * 48, 48)  # input, output and target beside each other


def test_evaluation_has_the_input_as_its_baseline(tmp_path, in_root):
    options = {'model.generator': GENERATOR, 'model.discriminator': CRITIC, 'model.perceptual_loss': None}
    options |= tiny_options(tmp_path, scale=1)
    torch.manual_seed(0)
    weights = MODELS.build(dict(type='mmsr_ext.DeblurResNet', **GENERATOR)).state_dict()
    torch.save(weights, tmp_path / 'deblur.pth')
    table = evaluate(
        'configs/deblurgan_gopro.py', [str(tmp_path / 'deblur.pth')], str(tmp_path / 'run'), options=options
    ).table
    assert list(table) == ['input', 'deblur']
    assert table['input']['PSNR-RGB'] != table['deblur']['PSNR-RGB']
    assert sorted(path.name for path in (tmp_path / 'run' / 'test' / 'input').iterdir()) == [
        '0.png',
        '1.png',
        '2.png',
    ]


def test_papers_numbers():
    """Kupyn et al. 2018, section 4: 256 px, batch 1, 5 updates of the critic, 1e-4 for 150 epochs and
    linearly to 0 in 150 more, 100:1."""
    cfg = Config.fromfile(ROOT / 'configs/deblurgan_gopro.py')
    assert (
        cfg.train_dataloader.batch_size,
        cfg.train_dataloader.dataset.gt_size,
        cfg.model.train_cfg.disc_repeat,
    ) == (1, 256, 5)
    assert cfg.model.perceptual_loss.perceptual_weight / cfg.model.gan_loss.loss_weight == 100
    assert (cfg.param_scheduler.begin, cfg.param_scheduler.end, cfg.train_cfg.max_iters) == (
        150 * 2103,
        300 * 2103,
        300 * 2103,
    )
    assert cfg.optim_wrapper.generator.optimizer.lr == cfg.optim_wrapper.discriminator.optimizer.lr == 1e-4
    port = Config.fromfile(ROOT / 'configs/deblurgan_gopro_wgan.py')
    assert port.model.gradient_penalty is None
    assert (port.model.perceptual_loss.vgg_type, port.model.perceptual_loss.layer_weights) == (
        'vgg16',
        dict(relu3_3=1.0),
    )
    assert port.train_cfg.max_iters == port.param_scheduler.end == -(-300 * 2103 // 16)
