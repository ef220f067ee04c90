# DAT-light x4 (Chen et al. 2023, dual aggregation transformer): 60 channels, 18 blocks, 573,000 parameters.
# Network, crops, rate and schedule are those of the authors' code.
# Deviations from the authors' code:
# - DIV2K alone; the authors add Flickr2K.
# - From scratch instead of from the weights of the x2 model.
# Its GAN stage: configs/spandrel_gan_x4.py
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(
        type='SpandrelNet',
        architecture='DAT',
        scale=4,
        img_size=64,
        depth=[18],
        embed_dim=60,
        num_heads=[6],
        expansion_factor=2,
        resi_connection='3conv',
        split_size=[8, 32],
        upsampler='pixelshuffledirect',
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99), fused=True))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[250_000, 400_000, 450_000, 475_000], gamma=0.5
)
train_cfg = dict(max_iters=500_000, val_interval=5_000)
# 8 on each of 4 GPUs
train_dataloader = dict(batch_size=32, dataset=dict(gt_size=256))
