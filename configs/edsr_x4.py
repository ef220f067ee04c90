# EDSR x4 (Lim et al. 2017), the baseline model: BasicSR's EDSR_Mx4. For EDSR-L, the final model:
#   --cfg-options model.generator.mid_channels=256 model.generator.num_blocks=32 model.generator.res_scale=0.1
# Deviations from the paper:
# - From scratch instead of from the weights of the x2 model.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='EDSR', mid_channels=64, num_blocks=16, scale=4, res_scale=1.0),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)
)
param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[200_000], gamma=0.5)
train_cfg = dict(max_iters=300_000, val_interval=5_000)
train_dataloader = dict(dataset=dict(gt_size=192))
