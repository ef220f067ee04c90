# SRGAN x4 in about two minutes on two CPU cores: smaller networks, a shorter run, the built-in photographs.
# So short a run needs a discriminator that does not win at once: one of patches, with spectral normalisation,
# that compares real and fake (relativistic). The perceptual loss takes the VGG19 features of the package,
# which need no download, and what is measured is the generator's moving average.
_base_ = ['srgan_x4.py', '_base_/demo_data_x4.py']

init_generator = 'work_dirs/srresnet_x4_demo/iter_600.pth'

model = dict(
    channels_last=True,
    generator=dict(
        _delete_=True,
        type='EnhanceNet',
        mid_channels=32,
        num_blocks=4,
        scale=4,
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator'),
    ),
    discriminator=dict(
        mid_channels=24,
        dense_channels=96,
        num_stages=3,
        batch_norm=False,
        spectral_norm=True,
        head='location',
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=0.1, reduction='mean'),
    perceptual_loss=dict(
        _delete_=True,
        type='PerceptualLoss',
        layer_weights=dict(VGG22=1.0),
        criterion='l1',
        perceptual_weight=0.02,
        pretrained='builtin',
    ),
    gan_loss=dict(relativistic='average', loss_weight=1e-2),
)

optim_wrapper = dict(generator=dict(optimizer=dict(lr=2e-4)), discriminator=dict(optimizer=dict(lr=3e-4)))
param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[250], gamma=0.1)
train_cfg = dict(max_iters=300, val_interval=150)
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=50))
custom_hooks = [
    dict(type='BasicVisualizationHook', interval=1),
    dict(type='GeneratorEMAHook', decay=0.98),
]

train_dataloader = dict(batch_size=4, num_workers=1, dataset=_base_._demo_train)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=_base_._demo_val)
test_dataloader = val_dataloader
