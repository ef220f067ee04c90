# Real-ESRGAN x4 (Wang et al. 2021). The paper's batch is 48:
#   bash tools/dist_train.sh configs/realesrgan_x4.py 4
# Deviations from the paper and its released options: those of realesrnet_x4.py, and
# - The discriminator runs twice a step, not three times, and so do the power iterations of its spectral
#   normalisation.
_base_ = ['_base_/gan_runtime.py', '_base_/evaluation_x4.py', '_base_/df2k_ost_gt.py']

# where configs/realesrnet_x4.py leaves its last checkpoint; None trains from scratch
init_generator = 'work_dirs/realesrnet_x4/iter_1000000.pth'

model = dict(
    generator=dict(
        type='RRDBNet',
        mid_channels=64,
        num_blocks=23,
        growth_channels=32,
        scale=4,
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator_ema'),
    ),
    discriminator=dict(type='UNetDiscriminator', mid_channels=64, skip_connection=True),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
    perceptual_loss=dict(
        type='PerceptualLoss',
        layer_weights={'conv1_2': 0.1, 'conv2_2': 0.1, 'conv3_4': 1.0, 'conv4_4': 1.0, 'conv5_4': 1.0},
        criterion='l1',
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=0.1),
    # L1 and the perceptual loss compare with sharpened images, the discriminator sees plain ones
    data_preprocessor=dict(
        _delete_=True,
        type='RealESRGANDegradation',
        scale=4,
        gt_size=256,
        gt_usm=True,
        gan_gt_usm=False,
        pool_size=180,
    ),
)

optim_wrapper = dict(
    generator=dict(optimizer=dict(betas=(0.9, 0.99))),
    discriminator=dict(optimizer=dict(betas=(0.9, 0.99))),
)
train_cfg = dict(max_iters=400_000, val_interval=5000)
custom_hooks = [*_base_.custom_hooks, dict(type='GeneratorEMAHook', decay=0.999)]
