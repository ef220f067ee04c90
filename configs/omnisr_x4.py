# OmniSR x4 (Wang et al. 2023): attention over space and channels, 64 channels, 805,000 parameters. Network,
# batch, crops, optimizer and rate are those of the authors' code for DIV2K.
# Deviations from the authors' code:
# - Its 1,000 epochs, each of the 800 images 64 times, are 800,000 iterations of batches of 64; the rate is
#   halved every 250 epochs, which are 200,000.
# Its GAN stage: configs/spandrel_gan_x4.py
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(
        type='SpandrelNet',
        architecture='OmniSR',
        scale=4,
        num_feat=64,
        res_num=5,
        block_num=1,
        window_size=8,
        pe=True,
        bias=True,
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-4, fused=True),
)
param_scheduler = dict(type='StepLR', by_epoch=False, step_size=200_000, gamma=0.5)
train_cfg = dict(max_iters=800_000, val_interval=10_000)
train_dataloader = dict(batch_size=64, dataset=dict(gt_size=256))
