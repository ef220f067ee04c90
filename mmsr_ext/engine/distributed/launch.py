"""Join the processes that a launcher has started."""

from __future__ import annotations

import atexit

import torch
from mmengine.config import Config

from ...errors import InputError


def join_processes(cfg: Config, launcher: str) -> None:
    """Write the launcher into a config and, on a machine without a GPU, join its processes.

    With a GPU the runner joins them. Without one it would ask for a GPU, so gloo is started here, and the
    runner uses it.

    Args:
        cfg: The config of the run.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.

    Raises:
        InputError: If the launcher needs a GPU and none is visible.
    """
    cfg.launcher = launcher
    if launcher == 'none' or torch.cuda.is_available() or torch.distributed.is_initialized():
        return
    if launcher != 'pytorch':
        raise InputError(
            f'--launcher {launcher} needs a GPU, and none is visible; '
            'on CPUs start the processes with tools/dist_train.sh.'
        )
    torch.distributed.init_process_group('gloo')
    # threads of gloo that outlive the interpreter abort the process
    atexit.register(torch.distributed.destroy_process_group)
