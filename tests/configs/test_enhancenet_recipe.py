import pytest
from support.configs import tiny_run

SMALL = {
    'model.generator': dict(mid_channels=4, num_blocks=1),
    'model.discriminator': dict(mid_channels=1, dense_channels=4, patch_size=32),
    'model.perceptual_loss': dict(pretrained='random', style_patch_size=4),
    'train_dataloader.dataset.gt_size': 32,
}
PIXEL = dict(type='MSELoss', loss_weight=1.0)


@pytest.mark.parametrize(
    ('variant', 'overrides', 'content'),
    [
        ('PAT', {}, {'loss_perceptual', 'loss_style'}),
        (
            'EAT',
            {'model.pixel_loss': PIXEL, 'model.perceptual_loss.perceptual_weight': 0.0},
            {'loss_pix', 'loss_style'},
        ),
        ('EA', {'model.pixel_loss': PIXEL, 'model.perceptual_loss': None}, {'loss_pix'}),
    ],
)
def test_trains(variant, overrides, content, tmp_path, in_root):
    runner = tiny_run('configs/enhancenet_x4.py', tmp_path, SMALL | overrides)
    assert runner.iter == 3
    scalars = runner.message_hub.log_scalars
    logged = {key.removeprefix('train/') for key in scalars if key.startswith('train/loss_')}
    assert logged == content | {'loss_gan', 'loss_d_real', 'loss_d_fake'}
    for name in logged:
        assert all(0 < loss < float('inf') for loss in scalars[f'train/{name}'].data[0])
    assert {'val/PSNR-Y', 'val/bicubic/PSNR-RGB'} <= set(scalars)
