"""Measurements of this package beside MMagic, both sides in one run; the command line is tools/benchmark.py.

Every module has ``HELP``, ``add_arguments(parser)`` and ``measure(args)``, which returns a ``Report``. It is
imported only when it is asked for.
"""

SUBJECTS = ('step', 'data', 'infer', 'startup', 'show')
