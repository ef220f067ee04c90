"""The commands by the name that works where the user is."""

from __future__ import annotations

import os
import shlex
import shutil
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
QUICKSTART = Path('tools', 'quickstart.sh')
# those that share their work among processes: the arguments of tools/dist_NAME.sh
SHARED = {'train': 'CONFIG GPUS', 'upscale': 'GPUS INPUT -o FOLDER'}


def tool(name: str) -> str:
    """Return how a command is typed where the user is.

    That is ``python tools/train.py`` in the checkout of this package, and ``mmsr train`` elsewhere: another
    project's folder has tools of its own.

    Args:
        name: A key of ``TOOLS``.
    """
    file = Path('tools', TOOLS[name])
    return f'python {file}' if _in_checkout(file) else f'mmsr {name}'


def in_processes(name: str) -> str:
    """Return how a command is started in several processes.

    Args:
        name: A key of ``SHARED``.
    """
    file = Path('tools', f'dist_{name}.sh')
    arguments = SHARED[name]
    if _in_checkout(file):
        return f'bash {file} {arguments}'
    arguments = arguments.replace('GPUS', '').replace('  ', ' ').strip()
    return f'torchrun --nproc_per_node=GPUS -m mmsr_ext {name} {arguments} --launcher pytorch'


def typed_here(advice: str) -> str:
    """Return advice of a config, written for a checkout, with the commands that work where the user is.

    Args:
        advice: A text with commands such as 'python tools/pack_data.py' and 'bash tools/quickstart.sh'.
    """
    for name, file in TOOLS.items():
        advice = advice.replace(f'python tools/{file}', tool(name))
    if not _in_checkout(QUICKSTART):
        advice = advice.replace(f'bash {QUICKSTART}', 'mmsr demo-data && mmsr train srresnet_x4_demo')
    return advice


def _in_checkout(file: Path) -> bool:
    own = Path(__file__).parents[1] / file
    return file.exists() and own.exists() and file.samefile(own)


def typed(*more: str) -> str:
    """Return the command line of this process as it would be typed again, with arguments added."""
    program = sys.argv[0]
    python = ['python']
    if 'TORCHELASTIC_RUN_ID' in os.environ:
        python = ['torchrun', f'--nproc_per_node={os.environ["LOCAL_WORLD_SIZE"]}']
    if _is_main_module(program):
        start = [*python, '-m', 'mmsr_ext'] if len(python) > 1 or not shutil.which('mmsr') else ['mmsr']
    else:
        start = ['mmsr'] if started_as_mmsr() else [*python, program]
    return shlex.join([*start, *sys.argv[1:], *more])


def started_as_mmsr() -> bool:
    """Return whether this process is ``mmsr`` or ``python -m mmsr_ext``."""
    program = sys.argv[0] if sys.argv else ''
    return Path(program).stem == 'mmsr' or _is_main_module(program)


def _is_main_module(program: str) -> bool:
    return Path(program).parts[-2:] == ('mmsr_ext', '__main__.py')
