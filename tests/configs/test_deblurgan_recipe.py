"""DeblurGAN's configs through the stock runner."""

from pathlib import Path

import pytest
import torch
from configs_helper import tiny_pairs, tiny_run
from conftest import ROOT
from mmengine.config import Config
from PIL import Image

from mmsr_ext.apis import evaluate
from mmsr_ext.registry import MODELS

GENERATOR = dict(mid_channels=4, num_blocks=1)
# patches of 32 px with torch's and this package's oldest parts, whatever else there is
STAND_INS = {
    'model.discriminator': dict(_delete_=True, type='VGGDiscriminator', mid_channels=1, dense_channels=4, patch_size=32),
    'model.gradient_penalty': None,
}


def parts_of(name):
    """The parts that a config names are there."""
    model = Config.fromfile(ROOT / 'configs' / name).model
    critic = model.discriminator.get('network', model.discriminator)
    return [critic.type] + ([model.gradient_penalty.type] if model.gradient_penalty else [])


def data(tmp_path, sharp_only=False):
    pairs = tiny_pairs(tmp_path / 'same_size', scale=1)
    train = pairs | (dict(lq_folder=pairs['gt_folder']) if sharp_only else {})
    return {
        'train_dataloader.dataset': dict(train, gt_size=32),
        'train_dataloader.batch_size': 2,
        'val_dataloader.dataset': pairs,
        'test_dataloader.dataset': pairs,
        'custom_hooks': [dict(type='BasicVisualizationHook', interval=1)],
    }


def check(runner, logged):
    assert runner.iter == 3
    scalars = runner.message_hub.log_scalars
    assert {key.removeprefix('train/') for key in scalars if key.startswith('train/loss_')} == logged
    for name in logged:
        assert all(abs(loss) < float('inf') for loss in scalars[f'train/{name}'].data[0])
    measured = {key for key in scalars if key.startswith('val/') and not key.endswith('time')}
    assert measured == {'val/PSNR-RGB', 'val/SSIM-RGB', 'val/input/PSNR-RGB', 'val/input/SSIM-RGB'}
    picture = next(Path(runner.work_dir).glob('*/vis_data/vis_image/0*.png'))
    assert Image.open(picture).size == (3 * 48, 48)  # input, output and target beside each other


TERMS = {'loss_perceptual', 'loss_gan', 'loss_d_real', 'loss_d_fake'}


@pytest.mark.parametrize('name', ['deblurgan_gopro.py', 'deblurgan_gopro_wgan.py', 'deblurgan_synthetic.py'])
def test_trains_without_its_critic(name, tmp_path, in_root):
    overrides = {'model.generator': GENERATOR, 'model.perceptual_loss.pretrained': 'random'} | STAND_INS
    runner = tiny_run(f'configs/{name}', tmp_path, overrides | data(tmp_path, sharp_only='synthetic' in name))
    check(runner, TERMS)
    rate = runner.message_hub.get_scalar('train/generator.lr' if 'train/generator.lr' in runner.message_hub.log_scalars else 'train/lr')
    assert rate.current() == pytest.approx(1e-4)


@pytest.mark.parametrize('name', ['deblurgan_gopro.py', 'deblurgan_gopro_wgan.py', 'deblurgan_synthetic.py'])
def test_trains(name, tmp_path, in_root):
    missing = [part for part in parts_of(name) if MODELS.get(part) is None]
    if missing:
        pytest.skip(f'{", ".join(missing)} not in this checkout')
    small = dict(mid_channels=2, num_layers=1)
    overrides = {
        'model.generator': GENERATOR,
        'model.perceptual_loss.pretrained': 'random',
        'model.discriminator': dict(network=small) if 'wgan' in name else small,
    }
    runner = tiny_run(f'configs/{name}', tmp_path, overrides | data(tmp_path, sharp_only='synthetic' in name))
    check(runner, TERMS | (set() if 'wgan' in name else {'loss_gp'}))


def test_evaluation_has_the_input_as_its_baseline(tmp_path, in_root):
    options = {'model.generator': GENERATOR, 'model.perceptual_loss': None} | STAND_INS | data(tmp_path)
    options |= {f'{loader}.{key}': value for loader in ('val_dataloader', 'test_dataloader')
                for key, value in [('num_workers', 0), ('persistent_workers', False)]}
    torch.manual_seed(0)
    weights = MODELS.build(dict(type='mmsr_ext.DeblurResNet', **GENERATOR)).state_dict()
    torch.save(weights, tmp_path / 'deblur.pth')
    table = evaluate('configs/deblurgan_gopro.py', [str(tmp_path / 'deblur.pth')], str(tmp_path / 'run'), options=options)
    assert list(table) == ['input', 'deblur']
    assert table['input']['PSNR-RGB'] != table['deblur']['PSNR-RGB']
    assert sorted(path.name for path in (tmp_path / 'run' / 'test' / 'input').iterdir()) == ['0.png', '1.png', '2.png']


def test_papers_numbers():
    """Kupyn et al. 2018, section 4: 256 px, batch 1, 5 updates of the critic, 1e-4 for 150 epochs and linearly to 0 in 150 more, 100:1."""
    cfg = Config.fromfile(ROOT / 'configs/deblurgan_gopro.py')
    assert (cfg.train_dataloader.batch_size, cfg.train_dataloader.dataset.gt_size, cfg.model.train_cfg.disc_repeat) == (1, 256, 5)
    assert cfg.model.perceptual_loss.perceptual_weight / cfg.model.gan_loss.loss_weight == 100
    assert (cfg.param_scheduler.begin, cfg.param_scheduler.end, cfg.train_cfg.max_iters) == (150 * 2103, 300 * 2103, 300 * 2103)
    assert cfg.optim_wrapper.generator.optimizer.lr == cfg.optim_wrapper.discriminator.optimizer.lr == 1e-4
    port = Config.fromfile(ROOT / 'configs/deblurgan_gopro_wgan.py')
    assert port.model.gradient_penalty is None
    assert (port.model.perceptual_loss.vgg_type, port.model.perceptual_loss.layer_weights) == ('vgg16', dict(relu3_3=1.0))
    assert port.train_cfg.max_iters == port.param_scheduler.end == -(-300 * 2103 // 16)
