# SRCNN x4 (Dong et al. 2014), 9-1-5, with MMagic's network.
# Deviations from the paper:
# - RGB instead of the Y channel alone, as MMagic has it: 20,099 parameters instead of 8,129.
# - DIV2K instead of 91 images; random crops of 32 px, the multiple of 4 next to the paper's 33, flips and
#   transposes. The convolutions are padded, so that the output has the size of the input.
# - The bicubic upsampling inside the network is PyTorch's (a = -0.75), not MATLAB's.
# - The loss is a mean; the weight makes the gradients those of the paper's sum over 21x21 outputs, halved,
#   for which its rates are.
# - 1,000,000 iterations as MMagic; the paper's 8e8 backward passes, at its batches, are 6 times as many.
_base_ = ['_base_/psnr_runtime.py', '_base_/evaluation_x4.py', '_base_/div2k_x4.py']

model = dict(
    generator=dict(type='SRCNNNet', channels=(3, 64, 32, 3), kernel_sizes=(9, 1, 5), upscale_factor=4),
    pixel_loss=dict(type='MSELoss', loss_weight=21 * 21 / 2, reduction='mean'),
    init_cfg=dict(type='Normal', layer='Conv2d', std=0.001),
)

# the last layer learns at a tenth of the others' rate
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-4, momentum=0.9, fused=True),
    paramwise_cfg=dict(custom_keys={'generator.conv3': dict(lr_mult=0.1)}),
)
train_cfg = dict(max_iters=1_000_000, val_interval=10_000)
train_dataloader = dict(batch_size=128, dataset=dict(gt_size=32))
