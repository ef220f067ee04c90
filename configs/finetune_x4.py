# Any published x4 file on images of your own, with a discriminator: a small rate with a warm-up, the average
# of the weights, the discriminator trained alone first, and colours held. The architecture and its arguments
# follow from the file; the built-in network is a start that needs no download:
#   --cfg-options init_generator=4x-published.safetensors train_dataloader.dataset.store=STORE
# For PSNR alone: --cfg-options model.discriminator=None model.gan_loss=None model.perceptual_loss=None
# No paper: the figures are those that hold for most networks; see docs/fine_tune.md.
_base_ = ['_base_/gan_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

init_generator = 'compact_x4'

model = dict(
    generator=dict(type='SpandrelNet', init_cfg=dict(type='Pretrained', checkpoint=init_generator)),
    discriminator=dict(type='UNetDiscriminator', mid_channels=64),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
    perceptual_loss=dict(
        type='PerceptualLoss', layer_weights={'conv5_4': 1.0}, perceptual_weight=1.0, criterion='l1'
    ),
    gan_loss=dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=0.1),
    # colours drift where only a perceptual and an adversarial loss look at them
    extra_losses=dict(colour=dict(type='ColourLoss', loss_weight=1.0)),
    train_cfg=dict(disc_steps=1, disc_init_steps=1_000, disc_repeat=1),
)

optim_wrapper = dict(
    generator=dict(optimizer=dict(lr=2e-5, betas=(0.9, 0.99))),
    discriminator=dict(optimizer=dict(lr=2e-5, betas=(0.9, 0.99))),
)
param_scheduler = [
    dict(type='LinearLR', by_epoch=False, start_factor=0.01, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, T_max=19_500, eta_min=1e-6, begin=500, end=20_000),
]
train_cfg = dict(max_iters=20_000, val_interval=1_000)
train_dataloader = dict(batch_size=8, dataset=dict(gt_size=128))
custom_hooks = [*_base_.custom_hooks, dict(type='GeneratorEMAHook', decay=0.999)]
