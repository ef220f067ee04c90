# A compact network x4 of 98,000 parameters for PSNR: the one that comes with the package, and that
# tools/upscale.py uses where none is given. 2 hours on one core of a CPU.
# The architecture is that of Real-ESRGAN's compact networks with 32 features and 9 convolutions (there 64 and
# 16 or 32).
# The built-in weights were trained on BSDS500 and T91 instead of DIV2K, and the first 37,892 iterations on a
# cosine of 60,000; see mmsr_ext/pretrained/compact_x4.json. On a store of your own:
# --cfg-options train_dataloader.dataset.store=STORE
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='SRVGGNetCompact', mid_channels=32, num_convs=9, scale=4, act_type='prelu'),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.99), fused=True))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=50_000, eta_min=1e-6)
train_cfg = dict(max_iters=50_000, val_interval=5_000)
custom_hooks = [*_base_.custom_hooks, dict(type='GeneratorEMAHook', decay=0.999)]
default_hooks = dict(checkpoint=dict(interval=2500))
train_dataloader = dict(dataset=dict(gt_size=128))
