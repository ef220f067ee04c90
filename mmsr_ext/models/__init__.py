"""The registered parts of a model: restorers, generators, discriminators, losses, preprocessors."""

from . import backbones, discriminators, losses, preprocessors, restorers
from .backbones import *  # noqa: F403
from .discriminators import *  # noqa: F403
from .losses import *  # noqa: F403
from .preprocessors import *  # noqa: F403
from .restorers import *  # noqa: F403

__all__ = [
    name
    for folder in (backbones, discriminators, losses, preprocessors, restorers)
    for name in folder.__all__
]
