"""The restorer: one training step for every recipe."""

from .gan_restorer import GANRestorer
from .schedule import Schedule

__all__ = ['GANRestorer', 'Schedule']
