# ESPCN x4 (Shi et al. 2016).
# Deviations from the paper:
# - RGB instead of the Y channel alone: 37,200 parameters instead of 24,752.
# - DIV2K instead of 91 images or ImageNet; random crops of 17x17 LQ pixels, the paper's size, with flips and
#   transposes.
# - The rate falls from 1e-2 to 1e-4 in two steps at fixed iterations, where the paper lowers it when the cost
#   stops falling.
# - The paper does not state batch size, momentum and length.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='ESPCN', mid_channels=(64, 32), kernel_sizes=(5, 3, 3), scale=4),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)

# the last layer learns at a tenth of the others' rate
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-2, momentum=0.9, fused=True),
    paramwise_cfg=dict(custom_keys={'generator.conv3': dict(lr_mult=0.1)}),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[500_000, 800_000], gamma=0.1)
train_cfg = dict(max_iters=1_000_000, val_interval=10_000)
train_dataloader = dict(dataset=dict(gt_size=68))
