# SRResNet x4 (Ledig et al. 2017): the generator of SRGAN, trained for the mean squared error.
# Deviations from the paper:
# - DIV2K instead of 350,000 images of ImageNet.
# - LQ and GT are both in [0, 1]; the paper has GT in [-1, 1], where the MSE is 4 times as large. Adam's
#   updates do not depend on it.
# - Random flips and transposes.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='SRResNet', mid_channels=64, num_blocks=16, scale=4),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)
)
train_cfg = dict(max_iters=1_000_000, val_interval=10_000)
