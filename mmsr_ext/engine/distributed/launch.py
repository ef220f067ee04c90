"""Join the processes that a launcher has started."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys

import torch
from mmengine.config import Config

from ...errors import InputError
from ...tool_names import in_processes

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def end_with_parent(launcher: str) -> None:
    """Have the system ask this process to stop when torchrun is killed, which would leave it behind.

    It then saves a checkpoint, as after any SIGTERM. Only on Linux.

    Args:
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
    """
    if launcher != 'pytorch' or sys.platform != 'linux':
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # killed in between
        os.kill(os.getpid(), signal.SIGTERM)


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
            f'on CPUs start the processes with: {in_processes("train")}'
        )
    torch.distributed.init_process_group('gloo')
    # threads of gloo that outlive the interpreter abort the process
    atexit.register(torch.distributed.destroy_process_group)
