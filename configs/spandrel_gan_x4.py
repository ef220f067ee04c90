# The GAN stage of realplksr_x4.py, span_x4.py, swinir_light_x4.py, hat_s_x4.py, dat_light_x4.py and
# omnisr_x4.py: what each of them leaves, trained on with a discriminator. The network follows from the file:
#   --cfg-options init_generator=work_dirs/span_x4/iter_1000000.pth
# No paper: losses and weights are ESRGAN's; the discriminator is Real-ESRGAN's.
_base_ = 'finetune_x4.py'

model = dict(
    pixel_loss=dict(loss_weight=1e-2),
    gan_loss=dict(relativistic='average', loss_weight=5e-3),
    extra_losses=None,
    train_cfg=dict(disc_init_steps=0),
)
optim_wrapper = dict(
    generator=dict(optimizer=dict(lr=1e-4, betas=(0.9, 0.99))),
    discriminator=dict(optimizer=dict(lr=1e-4, betas=(0.9, 0.99))),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[50_000, 100_000, 200_000, 300_000], gamma=0.5)
]
train_cfg = dict(max_iters=400_000, val_interval=10_000)
train_dataloader = dict(batch_size=16, dataset=dict(gt_size=128))
