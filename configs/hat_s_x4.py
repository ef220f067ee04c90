# HAT-S x4 (Chen et al. 2023): 144 channels, 36 layers in windows of 16, 9.6 million parameters. Network,
# crops, batch and average are those of the authors' code.
# Deviations from the authors' code:
# - DIV2K alone; the authors add Flickr2K.
# - From scratch, with the schedule of the x2 model (500,000 iterations at 2e-4), instead of from its weights
#   with half of it.
# Its GAN stage: configs/spandrel_gan_x4.py
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(
        type='SpandrelNet',
        architecture='HAT',
        scale=4,
        img_size=64,
        window_size=16,
        compress_ratio=24,
        squeeze_factor=24,
        conv_scale=0.01,
        overlap_ratio=0.5,
        depths=[6, 6, 6, 6, 6, 6],
        embed_dim=144,
        num_heads=[6, 6, 6, 6, 6, 6],
        mlp_ratio=2,
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99), fused=True))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[250_000, 400_000, 450_000, 475_000], gamma=0.5
)
train_cfg = dict(max_iters=500_000, val_interval=10_000)
# 4 on each of 8 GPUs
train_dataloader = dict(batch_size=32, dataset=dict(gt_size=256))
custom_hooks = [*_base_.custom_hooks, dict(type='GeneratorEMAHook', decay=0.999)]
