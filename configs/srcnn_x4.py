# SRCNN x4 (Dong et al. 2014, 2016), 9-5-5 on the Y channel, with MMagic's network.
# Deviations from the paper:
# - DIV2K instead of 91 images or ImageNet; random crops of 64 px with flips and transposes instead of 33 px,
#   because the convolutions are padded with zeros, so that the output has the size of the input, and fewer
#   pixels are near the padding. Other images: --cfg-options train_dataloader.dataset.store=STORE
# - Adam and a rate that falls by a cosine instead of SGD at fixed rates, with which the paper takes 8e8
#   backward passes.
# - The bicubic upsampling inside the network is PyTorch's (a = -0.75), not MATLAB's.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_y.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='SRCNNNet', channels=(1, 64, 32, 1), kernel_sizes=(9, 5, 5), upscale_factor=4),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
    init_cfg=dict(type='Normal', layer='Conv2d', std=0.001),
)

# the last layer learns at a tenth of the others' rate
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999), fused=True),
    paramwise_cfg=dict(custom_keys={'generator.conv3': dict(lr_mult=0.1)}),
)
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=200_000, eta_min=1e-6)
train_cfg = dict(max_iters=200_000, val_interval=5_000)

# grey images as they are, the Y channel of colours (BT.601, 16 to 235)
train_dataloader = dict(batch_size=8, dataset=dict(channels=1, gt_size=64))
val_dataloader = dict(dataset=dict(channels=1))
test_dataloader = val_dataloader
