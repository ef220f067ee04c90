# RCAN x4 (Zhang et al. 2018).
# Deviations from the paper:
# - From scratch instead of from the weights of the x2 model.
# - The paper does not state the length; 1,000,000 iterations are those of the authors' code (1,000 epochs of
#   1,000).
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='RCAN', mid_channels=64, num_groups=10, num_blocks=20, squeeze_factor=16, scale=4),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)
)
param_scheduler = dict(type='StepLR', by_epoch=False, step_size=200_000, gamma=0.5)
train_cfg = dict(max_iters=1_000_000, val_interval=10_000)
train_dataloader = dict(dataset=dict(gt_size=192))
