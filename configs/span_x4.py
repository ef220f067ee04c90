# SPAN x4 (Wan et al. 2023) with 48 features: six blocks whose attention has no parameters; three convolutions
# in a row are trained where one is left for use. The weights of that one follow from theirs and are frozen.
# Deviations from the paper:
# - DIV2K alone; the paper adds Flickr2K.
# - Its authors publish no training options: batches of 64 crops of 256 pixels, Adam at 5e-4, half of it every
#   200,000 iterations are what networks of this size are trained with.
# Its GAN stage: configs/spandrel_gan_x4.py
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(
        type='SpandrelNet', architecture='SPAN', scale=4, num_in_ch=3, num_out_ch=3, feature_channels=48
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, betas=(0.9, 0.999), fused=True)
)
param_scheduler = dict(type='StepLR', by_epoch=False, step_size=200_000, gamma=0.5)
train_cfg = dict(max_iters=1_000_000, val_interval=10_000)
train_dataloader = dict(batch_size=64, dataset=dict(gt_size=256))
