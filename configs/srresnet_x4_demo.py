# SRResNet x4 in about a minute on two CPU cores: a smaller network, a shorter run, the built-in photographs.
_base_ = ['srresnet_x4.py', '_base_/demo_data_x4.py']

# A small network learns this fast only without batch normalisation and as a correction to the bicubic image.
# With nearest-neighbour upsampling the adversarial stage that follows leaves no grid.
model = dict(
    channels_last=True,
    generator=dict(mid_channels=32, num_blocks=4, batch_norm=False, residual=True, upsampling='nearest'),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=600, eta_min=1e-6)
train_cfg = dict(max_iters=600, val_interval=300)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=50))
custom_hooks = [dict(type='BasicVisualizationHook', interval=1)]

train_dataloader = dict(batch_size=8, num_workers=1, dataset=_base_._demo_train)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=_base_._demo_val)
test_dataloader = val_dataloader
