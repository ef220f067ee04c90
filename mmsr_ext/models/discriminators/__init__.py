from .bounded_critic import BoundedCritic
from .vgg_discriminator import VGGDiscriminator

__all__ = ['BoundedCritic', 'VGGDiscriminator']
