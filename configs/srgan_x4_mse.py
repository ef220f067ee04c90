# SRGAN x4 (Ledig et al. 2017), the variant SRGAN-MSE: the mean squared error as content loss.
# Deviations from the paper: those of srgan_x4.py. Images are in [0, 1] here and in [-1, 1] in the paper; the
# weight 4 makes up for it.
_base_ = ['srgan_x4.py']

model = dict(perceptual_loss=None, pixel_loss=dict(type='MSELoss', loss_weight=4.0, reduction='mean'))
