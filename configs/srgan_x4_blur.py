# SRGAN x4 for blurred images: LQ is GT blurred with a Gaussian of sigma 1.5 px and reduced by MATLAB's
# bicubic, in training and validation. The discriminator judges each location and learns by least squares, as
# in Keras-GAN's SRGAN.
# Deviations from the paper: those of srgan_x4.py, and
# - LQ is made from GT on the device, after cropping: borders of a crop are mirrored. The data's own LQ images
#   are loaded, but not used.
# Deviations from Keras-GAN: the generator learns by least squares too, the discriminator ends without
# sigmoid, and all else is the paper's. The generator starts from srresnet_x4.py as it is. To have one that
# was trained on blurred images, train that config with
#   --cfg-options model.data_preprocessor.type=BlurDownsample model.data_preprocessor.scale=4
#   model.data_preprocessor.sigma=1.5
_base_ = ['srgan_x4.py']

model = dict(
    discriminator=dict(head='location'),
    gan_loss=dict(gan_type='lsgan'),
    data_preprocessor=dict(type='BlurDownsample', scale=4, sigma=1.5),
)
