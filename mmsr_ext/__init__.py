"""GAN-based image restoration for OpenMMLab's MMagic.

Importing the package mends the installed MMagic and MMEngine where today's PyTorch breaks them
(``mmsr_ext.compat``) and adds a level below MMagic's registries (``mmsr_ext.registry``). The parts
themselves are imported when a registry is first asked for one.

A command line (``mmsr``, ``python -m``, or a script that defines ``MMSR_COMMAND``) imports neither before it
has understood its arguments, so that ``--help`` takes a fraction of a second.
"""

import sys

from .errors import InputError
from .tool_names import started_as_mmsr
from .version import __version__

if not (sys.argv[:1] == ['-m'] or started_as_mmsr() or hasattr(sys.modules['__main__'], 'MMSR_COMMAND')):
    from . import registry

__all__ = ['InputError', '__version__', 'registry']
