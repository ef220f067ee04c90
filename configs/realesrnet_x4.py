# Real-ESRNet x4 (Wang et al. 2021): the generator of Real-ESRGAN, trained for L1 on a second-order
# degradation. The paper's batch is 48: bash tools/dist_train.sh configs/realesrnet_x4.py 4
# Deviations from the paper and its released options:
# - Every sample has its own resize factors and modes, kinds of noise and JPEG order; the released code draws
#   those once a batch.
# - JPEG is closer to libjpeg: integer qualities, 8-bit input, interpolated chroma.
# - Random vertical flips and transposes besides the horizontal flips.
# - GT images smaller than 400 px are an error; the released code mirrors them.
# - Validated on DIV2K x4 bicubic; the paper looks at real images.
_base_ = ['_base_/default_runtime.py', '_base_/evaluation_x4.py', '_base_/df2k_ost_gt.py']

# where configs/esrgan_x4.py leaves its last checkpoint; None trains from scratch
init_generator = 'work_dirs/esrgan_x4/iter_400000.pth'

model = dict(
    generator=dict(
        type='RRDBNet',
        mid_channels=64,
        num_blocks=23,
        growth_channels=32,
        scale=4,
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator'),
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
    data_preprocessor=dict(
        _delete_=True, type='RealESRGANDegradation', scale=4, gt_size=256, gt_usm=True, pool_size=180
    ),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99), fused=True))
train_cfg = dict(max_iters=1_000_000, val_interval=5000)
custom_hooks = [*_base_.custom_hooks, dict(type='GeneratorEMAHook', decay=0.999)]
