"""The two stages of ESRGAN, trained for a few iterations."""

import torch
from mmengine.config import Config
from support.configs import CONFIGS, tiny_run

from mmsr_ext.apis import load_generator

GENERATOR = dict(mid_channels=8, num_blocks=1, growth_channels=4)


def test_both_stages(tmp_path):
    first = tiny_run(CONFIGS / 'rrdb_x4.py', tmp_path, dict(model=dict(generator=GENERATOR)))
    checkpoint = tmp_path / 'rrdb_x4' / 'iter_3.pth'
    second = tiny_run(
        CONFIGS / 'esrgan_x4.py',
        tmp_path,
        dict(
            model=dict(
                generator=dict(GENERATOR, init_cfg=dict(checkpoint=str(checkpoint))),
                discriminator=dict(mid_channels=4, patch_size=32, dense_channels=8),
                perceptual_loss=dict(pretrained='random'),
            )
        ),
    )
    before = first.model.generator.state_dict()
    after = second.model.generator.state_dict()
    # three steps of Adam at 1e-4 from where the first stage ended, not from anywhere else
    assert 0 < max((after[key] - before[key]).abs().max().item() for key in before) < 3.1e-4
    assert all(torch.isfinite(value).all() for value in after.values())
    scalars = second.message_hub.log_scalars
    assert {
        'train/loss_pix',
        'train/loss_perceptual',
        'train/loss_gan',
        'train/loss_d_real',
        'train/loss_d_fake',
    } <= set(scalars)
    assert 'val/PSNR-Y' in scalars
    loaded = load_generator(tmp_path / 'esrgan_x4' / 'iter_3.pth')
    assert all(torch.equal(value, after[key]) for key, value in loaded.state_dict().items())


def test_the_papers_figures():
    rrdb, esrgan = (Config.fromfile(CONFIGS / name) for name in ('rrdb_x4.py', 'esrgan_x4.py'))
    assert rrdb.optim_wrapper.optimizer.lr == 2e-4
    assert (rrdb.param_scheduler.step_size, rrdb.param_scheduler.gamma) == (200_000, 0.5)
    assert rrdb.train_dataloader.dataset.gt_size == esrgan.train_dataloader.dataset.gt_size == 128
    assert rrdb.train_dataloader.batch_size == esrgan.train_dataloader.batch_size == 16
    assert esrgan.model.pixel_loss.loss_weight == 1e-2
    assert esrgan.model.gan_loss.loss_weight == 5e-3
    assert esrgan.param_scheduler.milestones == [50_000, 100_000, 200_000, 300_000]
    assert esrgan.param_scheduler.gamma == 0.5
