# The first stage of srgan_x4_demo.py in about a minute on two CPU cores: a small network, a short run, the
# built-in photographs.
_base_ = ['srresnet_x4.py', '_base_/demo_data_x4.py']

# In the place of SRResNet the generator of EnhanceNet: it adds to the bicubic image, which a small network
# learns fast, and enlarges by nearest neighbour and convolution. SRResNet's PixelShuffle leaves a grid in the
# adversarial stage that follows, unless it is trained for long.
model = dict(
    channels_last=True,
    generator=dict(_delete_=True, type='EnhanceNet', mid_channels=32, num_blocks=4, scale=4),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=600, eta_min=1e-6)
train_cfg = dict(max_iters=600, val_interval=300)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=50))
custom_hooks = [dict(type='BasicVisualizationHook', interval=1)]

train_dataloader = dict(batch_size=8, num_workers=1, dataset=_base_._demo_train)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=_base_._demo_val)
test_dataloader = val_dataloader
