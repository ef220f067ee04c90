"""Reading a config, and starting processes, for the command lines."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ..errors import InputError

DEBUG = 'MMSR_EXT_DEBUG'  # set it to 1 for the traceback of what is else said in one line


def one_line(error: Exception) -> str:
    """An exception of any kind, in a line of moderate length."""
    text = ' '.join(str(error).split()) or 'no message'
    text = text if len(text) < 400 else f'{text[:397]}...'
    return f'{type(error).__name__}: {text}. For the traceback, set {DEBUG}=1 in the environment.'


def load_config(path: str, options: dict[str, Any] | None = None, work_dir: str | None = None) -> Config:
    """Read a config file and set its work_dir: the given one, the config's own, or ``work_dirs/<name of the config>``.

    Raises:
        InputError: If there is no such file, or it cannot be read.
    """
    if not Path(path).is_file():
        nearby = sorted(map(str, [*Path(path).parent.glob('*.py')] or [*Path('configs').glob('*.py')]))
        raise InputError(
            f'config {path} does not exist. There are: {", ".join(nearby) or "none; give the path of a .py file"}.'
        )
    try:
        read = Config.fromfile(path)
    except Exception as error:  # it is Python, and imports what it names
        if os.environ.get(DEBUG, '0') != '0':
            raise
        raise InputError(f'config {path} cannot be read: {one_line(error)}') from error
    # without yapf, which would take seconds at the start and at every checkpoint; fromfile has no working switch for it
    cfg = Config(read.to_dict(), cfg_text=read.text, filename=read.filename, format_python_code=False)
    try:
        cfg.merge_from_dict(options or {})
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f'--cfg-options {" ".join(options)} do not fit config {path}: {one_line(error)}'
        ) from error
    cfg.work_dir = work_dir or cfg.get('work_dir') or f'work_dirs/{Path(path).stem}'
    return cfg


def start_processes(cfg: Config, launcher: str) -> None:
    """Join the processes of a launcher.

    On a machine without a GPU this starts gloo, which MMEngine uses as it finds it; by itself MMEngine would ask for a GPU.
    """
    cfg.launcher = launcher
    if launcher == 'none' or torch.cuda.is_available() or torch.distributed.is_initialized():
        return
    if launcher != 'pytorch':
        raise InputError(
            f'--launcher {launcher} needs a GPU, and none is visible; on CPUs start the processes with tools/dist_train.sh.'
        )
    torch.distributed.init_process_group('gloo')
    atexit.register(
        torch.distributed.destroy_process_group
    )  # threads of gloo that outlive the interpreter abort the process
