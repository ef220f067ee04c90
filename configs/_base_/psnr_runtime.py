# For recipes without a discriminator: the checkpoint of the best PSNR is kept.
_base_ = 'default_runtime.py'

default_hooks = dict(checkpoint=dict(save_best='PSNR-Y', rule='greater'))
