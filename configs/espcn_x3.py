# ESPCN x3 (Shi et al. 2016), 5-3-3 on the Y channel.
# Deviations from the paper:
# - DIV2K instead of 91 images or ImageNet; random crops of 17x17 LQ pixels, the paper's size, with flips and
#   transposes. Other images: --cfg-options train_dataloader.dataset.store=STORE
# - Adam and a rate that falls by a cosine from 1e-3, where the paper lowers it from 1e-2 to 1e-4 when the
#   cost stops falling.
# - The paper does not state batch size and length.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_y.py', '_base_/div2k_x3.py']

model = dict(
    generator=dict(
        type='ESPCN', in_channels=1, out_channels=1, mid_channels=(64, 32), kernel_sizes=(5, 3, 3), scale=3
    ),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)

# the last layer learns at a tenth of the others' rate
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999), fused=True),
    paramwise_cfg=dict(custom_keys={'generator.conv3': dict(lr_mult=0.1)}),
)
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=300_000, eta_min=1e-6)
train_cfg = dict(max_iters=300_000, val_interval=5_000)

# grey images as they are, the Y channel of colours (BT.601, 16 to 235)
train_dataloader = dict(batch_size=32, dataset=dict(channels=1, gt_size=51))
val_dataloader = dict(dataset=dict(channels=1))
test_dataloader = val_dataloader
