# SRGAN x4 (Ledig et al. 2017), the variant SRGAN-VGG54.
# Deviations from the paper:
# - DIV2K instead of 350,000 images of ImageNet.
# - LQ and GT are both in [0, 1]; the paper has GT in [-1, 1]. VGG gets the same values either way.
# - Random flips and transposes.
# - The generator and the discriminator learn from the same fake (MMEditing's order) instead of alternating on
#   new batches.
_base_ = ['_base_/gan_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

# where configs/srresnet_x4.py leaves its last checkpoint; None trains from scratch
init_generator = 'work_dirs/srresnet_x4/iter_1000000.pth'

model = dict(
    generator=dict(
        type='SRResNet',
        mid_channels=64,
        num_blocks=16,
        scale=4,
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator'),
    ),
    discriminator=dict(type='VGGDiscriminator', mid_channels=64, patch_size=96),
    perceptual_loss=dict(
        type='PerceptualLoss', layer_weights={'VGG54': 1.0}, criterion='mse', feature_scale=1 / 12.75
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=1e-3),
)

param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[100_000], gamma=0.1)
train_cfg = dict(max_iters=200_000, val_interval=10_000)
