# FSRCNN(56, 12, 4) x4 (Dong et al. 2016) on the Y channel: 12,464 weights.
# Deviations from the paper:
# - DIV2K instead of 91 images and General-100; random crops with flips and transposes, without the paper's
#   copies of reduced size. Other images: --cfg-options train_dataloader.dataset.store=STORE
# - Crops of 24x24 LQ pixels instead of 6x6: the convolutions are padded with zeros, and fewer pixels are near
#   the padding.
# - Adam and a rate that falls by a cosine instead of SGD with 1e-3 and then half of it.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_y.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='FSRCNN', mid_channels=56, shrunk_channels=12, num_mappings=4, scale=4),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)

# the deconvolution learns at a tenth of the others' rate
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999), fused=True),
    paramwise_cfg=dict(custom_keys={'generator.deconv': dict(lr_mult=0.1)}),
)
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=300_000, eta_min=1e-6)
train_cfg = dict(max_iters=300_000, val_interval=5_000)

# grey images as they are, the Y channel of colours (BT.601, 16 to 235)
train_dataloader = dict(batch_size=16, dataset=dict(channels=1, gt_size=96))
val_dataloader = dict(dataset=dict(channels=1))
test_dataloader = val_dataloader
