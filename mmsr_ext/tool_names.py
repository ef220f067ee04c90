"""The commands by the name that works where the user is."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

# by the name after `mmsr`: the file in tools/ of a checkout; None where there is none
TOOLS = {
    'train': 'train.py',
    'test': 'test.py',
    'upscale': 'upscale.py',
    'pack': 'pack_data.py',
    'pairs': 'make_pairs.py',
    'interpolate': 'interpolate.py',
    'export': 'export.py',
    'mos': 'mos_study.py',
    'benchmark': 'benchmark.py',
    'demo': 'demo.py',
    'demo-data': 'prepare_demo_data.py',
}


def tool(name: str) -> str:
    """Return how a command is typed: ``python tools/train.py`` in a checkout, ``mmsr train`` elsewhere.

    Args:
        name: A key of ``TOOLS``.
    """
    file = Path('tools', TOOLS[name])
    return f'python {file}' if file.is_file() else f'mmsr {name}'


def typed(*more: str) -> str:
    """Return the command line of this process as it would be typed again, with arguments added."""
    program = ['mmsr'] if started_as_mmsr() else ['python', sys.argv[0]]
    return shlex.join([*program, *sys.argv[1:], *more])


def started_as_mmsr() -> bool:
    """Return whether this process is ``mmsr`` or ``python -m mmsr_ext``."""
    program = Path(sys.argv[0] if sys.argv else '')
    return program.stem == 'mmsr' or program.parts[-2:] == ('mmsr_ext', '__main__.py')
