# DeblurGAN (Kupyn et al. 2018) on GoPro: WGAN-GP, 5 updates of the critic for each of the generator.
# Deviations from the paper:
# - GoPro in its full size instead of half of it. Random flips and transposes.
# - The generator is updated first and the critic after it (MMEditing's order); the paper's order is the other
#   one. Both learn from the same fake.
# - Images are in [0, 1] instead of the [-1, 1] of the authors' code: the penalty, which is on the critic's
#   slope, allows half the contrast. A loss_weight of 2 in gan_loss would restore the authors' balance of the
#   two losses.
# - VGG gets ImageNet's normalisation, which the authors' code leaves out; conv3_3 is before the activation,
#   as in their code.
# - Dropout is off at test time, so that a result can be repeated; the paper keeps it on.
# - The penalty is on the gradient's norm of a sample and draws a mixture for each (Gulrajani et al. 2017);
#   the authors' code takes the norm pixel by pixel and one mixture for the batch.
_base_ = ['_base_/gan_runtime.py', '_base_/evaluation_x1.py', '_base_/gopro.py']

model = dict(
    generator=dict(type='DeblurResNet', mid_channels=64, num_blocks=9),
    discriminator=dict(
        type='PatchGANDiscriminator', in_channels=3, mid_channels=64, num_layers=3, norm='instance'
    ),
    perceptual_loss=dict(
        type='PerceptualLoss', layer_weights={'conv3_3': 1.0}, criterion='mse', perceptual_weight=100.0
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='wgan', loss_weight=1.0),
    gradient_penalty=dict(type='GradientPenalty', loss_weight=10.0),
    train_cfg=dict(disc_steps=1, disc_init_steps=0, disc_repeat=5),
    test_cfg=dict(baseline='input'),
)

# the betas are those of the authors' code
optim_wrapper = dict(
    generator=dict(optimizer=dict(betas=(0.5, 0.999))),
    discriminator=dict(optimizer=dict(betas=(0.5, 0.999))),
)

# 150 epochs of 2,103 pairs at the initial rate, and 150 in which it falls to 0
param_scheduler = dict(
    type='LinearLR', by_epoch=False, start_factor=1.0, end_factor=0.0, begin=315_450, end=630_900
)
train_cfg = dict(max_iters=630_900, val_interval=21_030)

default_hooks = dict(checkpoint=dict(save_best='PSNR-RGB', rule='greater'))
visualizer = dict(fn_key='key', img_keys=['input_img', 'pred_img', 'gt_img'])
