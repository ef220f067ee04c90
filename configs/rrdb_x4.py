# RRDB x4 (Wang et al. 2018): the generator of ESRGAN, trained for the mean absolute error.
# Deviations from the paper:
# - DIV2K alone; the paper adds Flickr2K and OutdoorSceneTraining.
# - 1,000,000 iterations, as the authors' code has them; the paper does not say.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    # with_cp=True trains with less memory, for about a third more time
    generator=dict(
        type='RRDBNet', mid_channels=64, num_blocks=23, growth_channels=32, scale=4, with_cp=False
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.999), fused=True)
)
param_scheduler = dict(type='StepLR', by_epoch=False, step_size=200_000, gamma=0.5)
train_cfg = dict(max_iters=1_000_000, val_interval=10_000)

train_dataloader = dict(dataset=dict(gt_size=128))
