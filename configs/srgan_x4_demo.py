# SRGAN x4 in about two minutes on two CPU cores: smaller networks, a shorter run, the built-in photographs.
_base_ = ['srgan_x4.py', '_base_/demo_data_x4.py']

init_generator = 'work_dirs/srresnet_x4_demo/iter_600.pth'

model = dict(
    channels_last=True,
    generator=dict(
        mid_channels=32,
        num_blocks=4,
        batch_norm=False,
        residual=True,
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator'),
    ),
    discriminator=dict(mid_channels=16, dense_channels=128),
    # The weights of VGG19 would have to be downloaded (550 MB), and two cores are slow at it: a pixel loss
    # takes its place.
    perceptual_loss=None,
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[150], gamma=0.1)
train_cfg = dict(max_iters=300, val_interval=150)
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=50))
custom_hooks = [dict(type='BasicVisualizationHook', interval=1)]

train_dataloader = dict(batch_size=8, num_workers=1, dataset=_base_._demo_train)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=_base_._demo_val)
test_dataloader = val_dataloader
