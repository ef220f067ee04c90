# SwinIR x4, the lightweight model (Liang et al. 2021): 60 channels, 24 layers, 930,000 parameters. Batch,
# rate, schedule and average are those of the authors' code (KAIR).
# Deviations from the paper:
# - From scratch, with the schedule of the x2 model, instead of from its weights with half of it.
# Its GAN stage: configs/spandrel_gan_x4.py
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(
        type='SpandrelNet',
        architecture='SwinIR',
        scale=4,
        img_size=64,
        window_size=8,
        depths=[6, 6, 6, 6],
        embed_dim=60,
        num_heads=[6, 6, 6, 6],
        mlp_ratio=2,
        upsampler='pixelshuffledirect',
        drop_path_rate=0.1,
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.999), fused=True)
)
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[250_000, 400_000, 450_000, 475_000], gamma=0.5
)
train_cfg = dict(max_iters=500_000, val_interval=5_000)
train_dataloader = dict(batch_size=64, dataset=dict(gt_size=256))
custom_hooks = [*_base_.custom_hooks, dict(type='GeneratorEMAHook', decay=0.999)]
