from .vgg_discriminator import VGGDiscriminator

__all__ = ['VGGDiscriminator']
