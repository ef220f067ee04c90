# DeblurGAN as the Keras port trains it (RaphaelMeudec/deblur-gan): WGAN without gradient penalty, VGG16,
# batches of 16.
# Deviations from the port:
# - The generator has transposed convolutions, and adds its input without halving the sum, as the paper has
#   it.
# - The critic judges patches, where the port has two dense layers for images of 256x256. Its last layer is a
#   sigmoid as the port's: with neither penalty nor clipping it is all that bounds the critic.
# - The critic's terms are summed; the port updates it for the real images, and then for the fakes.
# - VGG gets ImageNet's normalisation; relu3_3 is the port's block3_conv3.
# - Random crops of the full images instead of images resized to 256x256; random flips and transposes.
# - The port trains for 4 epochs by default, of which it gives no result; the schedule is that of
#   deblurgan_gopro.py, for as many samples.
_base_ = ['deblurgan_gopro.py']

model = dict(
    generator=dict(norm='batch'),
    discriminator=dict(
        _delete_=True,
        type='BoundedCritic',
        network=dict(
            type='PatchGANDiscriminator', in_channels=3, mid_channels=64, num_layers=3, norm='batch'
        ),
    ),
    perceptual_loss=dict(vgg_type='vgg16', layer_weights=dict(_delete_=True, relu3_3=1.0)),
    gradient_penalty=None,
)

optim_wrapper = dict(
    generator=dict(optimizer=dict(betas=(0.9, 0.999))), discriminator=dict(optimizer=dict(betas=(0.9, 0.999)))
)
param_scheduler = dict(begin=19_716, end=39_432)
train_cfg = dict(max_iters=39_432, val_interval=1_315)
train_dataloader = dict(batch_size=16)
