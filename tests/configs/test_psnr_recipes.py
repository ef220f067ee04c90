"""The PSNR networks' configs through the stock runner, and the papers' numbers in them."""

import pytest
import torch
from mmengine.config import Config
from support import ROOT
from support.configs import tiny_run

SMALL = {
    'srcnn': {'channels': (3, 4, 4, 3)},
    'espcn': {'mid_channels': (4, 4)},
    'edsr': {'mid_channels': 4, 'num_blocks': 1},
    'rcan': {'mid_channels': 4, 'num_groups': 1, 'num_blocks': 1, 'squeeze_factor': 2},
}


@pytest.mark.parametrize('name', SMALL)
def test_trains(name, tmp_path, in_root):
    runner = tiny_run(f'configs/{name}_x4.py', tmp_path, {'model.generator': SMALL[name]})
    assert runner.iter == 3
    scalars = runner.message_hub.log_scalars
    losses, _ = scalars['train/loss_pix'].data
    assert len(losses) == 3
    assert all(0 < loss < float('inf') for loss in losses)
    assert {'val/PSNR-Y', 'val/bicubic/PSNR-Y', 'val/SSIM-RGB'} <= set(scalars)


@pytest.mark.parametrize('name', ['srcnn', 'espcn'])
def test_last_layer_learns_at_a_tenth_of_the_rate(name, tmp_path, in_root):
    runner = tiny_run(f'configs/{name}_x4.py', tmp_path, {'model.generator': SMALL[name]})
    rates = {id(group['params'][0]): group['lr'] for group in runner.optim_wrapper.param_groups}
    for key, parameter in runner.model.generator.named_parameters():
        rate = runner.cfg.optim_wrapper.optimizer.lr * (0.1 if key.startswith('conv3') else 1)
        assert rates[id(parameter)] == pytest.approx(rate)


def test_srcnn_starts_as_the_paper_does(in_root):
    from mmengine.registry import DefaultScope

    from mmsr_ext.registry import MODELS

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


def test_srcnns_loss_has_the_papers_gradient():
    """Half the sum of squares over 21x21 outputs, mean over the samples, against the config's weight on a
    mean over any size."""
    weight = Config.fromfile(ROOT / 'configs/srcnn_x4.py').model.pixel_loss.loss_weight
    error = torch.full((4, 1, 21, 21), 0.1, requires_grad=True)
    (papers,) = torch.autograd.grad(error.square().sum() / (2 * 4), error)
    (ours,) = torch.autograd.grad(weight * error.square().mean(), error)
    torch.testing.assert_close(papers, ours)


def test_papers_numbers():
    edsr, rcan = (Config.fromfile(ROOT / f'configs/{name}_x4.py') for name in ('edsr', 'rcan'))
    for cfg in (edsr, rcan):  # 48x48 LQ pixels, L1, Adam
        assert (cfg.train_dataloader.batch_size, cfg.train_dataloader.dataset.gt_size) == (16, 4 * 48)
        assert (cfg.model.pixel_loss.type, cfg.optim_wrapper.optimizer.lr) == ('L1Loss', 1e-4)
        assert cfg.optim_wrapper.optimizer.betas == (0.9, 0.999)
        assert cfg.param_scheduler.gamma == 0.5
    assert (edsr.param_scheduler.milestones, rcan.param_scheduler.step_size) == ([200_000], 200_000)
    assert Config.fromfile(ROOT / 'configs/espcn_x4.py').train_dataloader.dataset.gt_size == 4 * 17
