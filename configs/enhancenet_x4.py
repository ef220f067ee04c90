# EnhanceNet x4 (Sajjadi et al. 2017), the variant ENet-PAT: perceptual (P), adversarial (A) and texture (T)
# loss, with the weights of the supplement's table 2. The pixel loss (E) takes the place of P in a config that
# inherits from this one:
#   ENet-EAT: model = dict(pixel_loss=dict(type='MSELoss', loss_weight=1.0),
#   perceptual_loss=dict(perceptual_weight=0.0))
#   ENet-EA:  model = dict(pixel_loss=dict(type='MSELoss', loss_weight=1.0), perceptual_loss=None)
# Deviations from the paper:
# - DIV2K instead of MSCOCO, with random flips and transposes.
# - Feature maps get the mean 1 sample by sample, with torchvision's weights of VGG19; the paper takes weights
#   rescaled to that over many images. A file of those goes into perceptual_loss.pretrained, with
#   feature_scale=1.0.
# - The paper leaves out the discriminator's update after a batch on which it did well; here it is updated at
#   every step.
# - 16 samples a batch and 300,000 iterations are this project's choice; the paper trains for at most 24
#   hours.
_base_ = ['_base_/gan_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='EnhanceNet', mid_channels=64, num_blocks=10, scale=4),
    discriminator=dict(
        type='VGGDiscriminator',
        mid_channels=32,
        num_stages=5,
        patch_size=128,
        dense_channels=1024,
        batch_norm=False,
    ),
    perceptual_loss=dict(
        type='PerceptualLoss',
        layer_weights=dict(pool2=2e-1, pool5=2e-2),
        layer_weights_style=dict(relu1_1=3e-7, relu2_1=1e-6, relu3_1=1e-6),
        perceptual_weight=1.0,
        style_weight=1.0,
        style_patch_size=16,
        criterion='mse',
        feature_scale='unit_mean',
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=2.0),
)

train_cfg = dict(max_iters=300_000, val_interval=10_000)
train_dataloader = dict(dataset=dict(gt_size=128))
