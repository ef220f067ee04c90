"""Discriminators: networks from images (N, C, H, W) to logits of any shape."""

from .bounded_critic import BoundedCritic
from .modified_vgg import ModifiedVGG
from .patchgan_discriminator import PatchGANDiscriminator
from .resnet_discriminator import ResNetDiscriminator
from .unet_discriminator import UNetDiscriminator
from .vgg_discriminator import VGGDiscriminator

__all__ = [
    'BoundedCritic',
    'ModifiedVGG',
    'PatchGANDiscriminator',
    'ResNetDiscriminator',
    'UNetDiscriminator',
    'VGGDiscriminator',
]
