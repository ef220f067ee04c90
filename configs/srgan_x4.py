# SRGAN x4 (Ledig et al. 2017), the variant SRGAN-VGG54.
# Deviations from the paper:
# - DIV2K instead of 350,000 images of ImageNet.
# - LQ and GT are both in [0, 1]; the paper has GT in [-1, 1]. VGG gets the same values either way.
# - Random flips and transposes.
# - The generator and the discriminator learn from the same fake (MMEditing's order) instead of alternating on
#   new batches.
_base_ = ['_base_/default_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

# where configs/srresnet_x4.py leaves its last checkpoint; None trains from scratch
pretrained_generator = 'work_dirs/srresnet_x4/iter_1000000.pth'

model = dict(
    type='GANRestorer',
    generator=dict(
        type='SRResNet',
        mid_channels=64,
        num_blocks=16,
        scale=4,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained_generator, prefix='generator'),
    ),
    discriminator=dict(type='VGGDiscriminator', mid_channels=64, patch_size=96),
    perceptual_loss=dict(
        type='PerceptualLoss', layer_weights={'VGG54': 1.0}, criterion='mse', feature_scale=1 / 12.75
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=1e-3),
    train_cfg=dict(disc_steps=1, disc_init_steps=0, disc_repeat=1),
    test_cfg=dict(baseline='bicubic'),
    data_preprocessor=dict(type='ImagePreprocessor', mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
)

optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)
    ),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[100_000], gamma=0.1)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=200_000, val_interval=10_000)
