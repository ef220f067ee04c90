"""The PSNR networks' configs through the stock runner, and the papers' numbers in them."""

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from support import ROOT
from support.configs import tiny_run

from mmsr_ext.functional import luma_pixels
from mmsr_ext.registry import MODELS

SMALL = {
    'espcn_x4': {'mid_channels': (4, 4)},
    'edsr_x4': {'mid_channels': 4, 'num_blocks': 1},
    'rcan_x4': {'mid_channels': 4, 'num_groups': 1, 'num_blocks': 1, 'squeeze_factor': 2},
}
SMALL_Y = {
    'srcnn_x4': {'channels': (1, 4, 4, 1)},
    'espcn_x3': {'mid_channels': (4, 4)},
    'fsrcnn_x4': {'mid_channels': 4, 'shrunk_channels': 2, 'num_mappings': 1},
}
LAST = {'srcnn_x4': 'conv3', 'espcn_x4': 'conv3', 'espcn_x3': 'conv3', 'fsrcnn_x4': 'deconv'}


def small_run(name, tmp_path):
    small = {**SMALL, **SMALL_Y}[name]
    return tiny_run(
        f'configs/{name}.py', tmp_path, {'model.generator': small, 'train_dataloader.dataset.gt_size': 24}
    )


@pytest.mark.parametrize('name', SMALL)
def test_trains(name, tmp_path, in_root):
    runner = small_run(name, tmp_path)
    assert runner.iter == 3
    scalars = runner.message_hub.log_scalars
    losses, _ = scalars['train/loss_pix'].data
    assert len(losses) == 3
    assert all(0 < loss < float('inf') for loss in losses)
    assert {'val/PSNR-Y', 'val/bicubic/PSNR-Y', 'val/SSIM-RGB'} <= set(scalars)


@pytest.mark.parametrize('name', SMALL_Y)
def test_trains_on_y(name, tmp_path, in_root):
    runner = small_run(name, tmp_path)
    assert runner.iter == 3
    scalars = set(runner.message_hub.log_scalars)
    assert {'val/PSNR-Y', 'val/bicubic/PSNR-Y', 'val/SSIM-Y'} <= scalars
    assert 'val/PSNR-RGB' not in scalars
    gt = cv2.cvtColor(cv2.imread(str(tmp_path / 'pairs/GT/0.png')), cv2.COLOR_BGR2RGB)
    assert torch.equal(
        runner.val_loop.dataloaders[0].dataset[0]['data_samples'].gt_img,
        torch.from_numpy(luma_pixels(gt)).permute(2, 0, 1),
    )


@pytest.mark.parametrize('name', LAST)
def test_last_layer_learns_at_a_tenth_of_the_rate(name, tmp_path, in_root):
    runner = small_run(name, tmp_path)
    rates = {id(group['params'][0]): group['initial_lr'] for group in runner.optim_wrapper.param_groups}
    for key, parameter in runner.model.generator.named_parameters():
        rate = runner.cfg.optim_wrapper.optimizer.lr * (0.1 if key.startswith(LAST[name]) else 1)
        assert rates[id(parameter)] == pytest.approx(rate)


def test_srcnn_starts_as_the_paper_does(in_root):
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        model = MODELS.build(Config.fromfile('configs/srcnn_x4.py').model)
        model.init_weights()
    weights = torch.cat(
        [
            layer.weight.flatten()
            for layer in (model.generator.conv1, model.generator.conv2, model.generator.conv3)
        ]
    )
    assert weights.std().item() == pytest.approx(0.001, rel=0.03)
    assert not any(
        layer.bias.any() for layer in (model.generator.conv1, model.generator.conv2, model.generator.conv3)
    )


def test_papers_numbers():
    edsr, rcan = (Config.fromfile(ROOT / f'configs/{name}_x4.py') for name in ('edsr', 'rcan'))
    for cfg in (edsr, rcan):  # 48x48 LQ pixels, L1, Adam
        assert (cfg.train_dataloader.batch_size, cfg.train_dataloader.dataset.gt_size) == (16, 4 * 48)
        assert (cfg.model.pixel_loss.type, cfg.optim_wrapper.optimizer.lr) == ('L1Loss', 1e-4)
        assert cfg.optim_wrapper.optimizer.betas == (0.9, 0.999)
        assert cfg.param_scheduler.gamma == 0.5
    assert (edsr.param_scheduler.milestones, rcan.param_scheduler.step_size) == ([200_000], 200_000)
    for name, scale in [('espcn_x4', 4), ('espcn_x3', 3)]:
        assert Config.fromfile(ROOT / f'configs/{name}.py').train_dataloader.dataset.gt_size == scale * 17


@pytest.mark.parametrize(
    ('name', 'weights'),
    [
        ('srcnn_x4', 57_184),  # 9-5-5 of Dong et al. 2016, section 4.3
        ('espcn_x3', 64 * 25 + 32 * 64 * 9 + 9 * 32 * 9),
        ('fsrcnn_x4', 12_464),  # Dong et al. 2016, table 1
    ],
)
def test_y_networks_have_the_papers_weights(name, weights):
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        generator = MODELS.build(Config.fromfile(ROOT / f'configs/{name}.py').model.generator)
    kernels = [parameter for parameter in generator.parameters() if parameter.ndim == 4]
    assert sum(parameter.numel() for parameter in kernels) == weights
