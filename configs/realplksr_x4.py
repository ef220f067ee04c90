# RealPLKSR x4: the variant of PLKSR (Lee et al. 2024) that the community trains, with its layer attention and
# normalisation; 7.4 million parameters. Crops, batch and optimizer are those of the authors' code for PLKSR.
# Deviations from the authors' code:
# - From scratch, 450,000 iterations at 2e-4 that is halved five times, instead of 50,000 at 1e-4 from the
#   weights of the x2 model.
# - Batches of 64 in one process; on less memory: --cfg-options train_dataloader.batch_size=16
# Its GAN stage: configs/spandrel_gan_x4.py
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(
        type='SpandrelNet',
        architecture='RealPLKSR',
        scale=4,
        dim=64,
        n_blocks=28,
        kernel_size=17,
        split_ratio=0.25,
        use_ea=True,
        norm_groups=4,
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99), fused=True))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[100_000, 200_000, 300_000, 400_000, 425_000], gamma=0.5
)
train_cfg = dict(max_iters=450_000, val_interval=5_000)
train_dataloader = dict(batch_size=64, dataset=dict(gt_size=384))
