# ESRGAN x4 (Wang et al. 2018).
# Deviations from the paper:
# - DIV2K alone; the paper adds Flickr2K and OutdoorSceneTraining.
# - 400,000 iterations, as MMagic and BasicSR have them; the paper does not say.
# - The discriminator is SRGAN's. The one of the authors' code is discriminator=dict(_delete_=True,
#   type='ModifiedVGG', patch_size=128)
# - The generator and the discriminator learn from the same fake (MMEditing's order) instead of alternating on
#   new batches.
# The MINC loss of section 3.3, from a file of yours: perceptual_loss=dict(vgg_type='vgg16',
# layer_weights=dict(_delete_=True, conv5_3=1.0),
#   pretrained='VGG16minc_53.pth', use_input_norm='none'); see PerceptualLoss.
_base_ = ['_base_/gan_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

# where configs/rrdb_x4.py leaves its last checkpoint; a published RRDB_PSNR_x4.pth will do
init_generator = 'work_dirs/rrdb_x4/iter_1000000.pth'

model = dict(
    generator=dict(
        type='RRDBNet',
        mid_channels=64,
        num_blocks=23,
        growth_channels=32,
        scale=4,
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator'),
    ),
    discriminator=dict(type='VGGDiscriminator', mid_channels=64, patch_size=128),
    pixel_loss=dict(type='L1Loss', loss_weight=1e-2, reduction='mean'),
    perceptual_loss=dict(
        type='PerceptualLoss', layer_weights={'conv5_4': 1.0}, perceptual_weight=1.0, criterion='l1'
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='vanilla', relativistic='average', loss_weight=5e-3),
)

param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[50_000, 100_000, 200_000, 300_000], gamma=0.5
)
train_cfg = dict(max_iters=400_000, val_interval=10_000)
train_dataloader = dict(dataset=dict(gt_size=128))
