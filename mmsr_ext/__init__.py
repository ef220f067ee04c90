"""GAN-based image restoration for OpenMMLab's MMagic.

Importing the package mends the installed MMagic and MMEngine where today's PyTorch breaks them (``mmsr_ext.compat``) and adds a level
below MMagic's registries (``mmsr_ext.registry``). The parts themselves are imported when a registry is first asked for one.
"""

from . import compat

compat.apply()

from . import registry  # noqa: E402  MMagic can be imported only once it is mended
from .errors import InputError  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = ['InputError', '__version__', 'registry']
