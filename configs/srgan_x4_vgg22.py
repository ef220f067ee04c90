# SRGAN x4 (Ledig et al. 2017), the variant SRGAN-VGG22: the content loss on feature maps of low level.
# Deviations from the paper: those of srgan_x4.py; the features are the package's, which need no download and
# whose maps are normalised to a mean of 1.
_base_ = ['srgan_x4.py']

model = dict(perceptual_loss=dict(layer_weights=dict(_delete_=True, VGG22=1.0), pretrained='builtin'))
