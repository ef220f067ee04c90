# For recipes with a discriminator: both networks are updated at every step, by an optimizer each.
_base_ = 'default_runtime.py'

model = dict(train_cfg=dict(disc_steps=1, disc_init_steps=0, disc_repeat=1))

optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)
    ),
)
