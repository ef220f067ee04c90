"""End a command line: one line without a traceback for an error that the user can correct."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable

from ..errors import InputError, Stopped

LOST_PEER = (
    'Connection closed by peer',
    'Connection reset by peer',
    'Broken pipe',
    'Connection refused',
    'connection was aborted',
)
SHARED_MEMORY = (
    'out of shared memory',
    'unable to allocate shared memory',
    'No space left on device: /torch_',
    'killed by signal: Bus error',
)
OUT_OF_SHARED_MEMORY = (
    'the data workers are out of shared memory: /dev/shm is full or too small (df -h /dev/shm; 64 MB is the '
    'default of Docker). Give a container more with docker run --shm-size=8g or --ipc=host, or load data '
    'without workers: --cfg-options train_dataloader.num_workers=0 train_dataloader.persistent_workers=False'
)
LAUNCHER_SECONDS = 15.0


def run(main: Callable[[], object], when_interrupted: str = '') -> None:
    """Call a function and end the process with the right status.

    The status is 1 after an InputError or on a full disk, and 130 after Ctrl-C. A run that was asked to stop
    and has saved a checkpoint ends with 130 after Ctrl-C, 143 after SIGTERM, and 0 after its time limit. In a
    run of several processes the error names the process, and the launcher learns which one failed first.

    Args:
        main: The command.
        when_interrupted: Sentence to print when the command was interrupted or stopped.
    """
    interrupted = False

    def interrupt(signum: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        main()
        _leave_group()
    except InputError as error:
        _report(error)
        _exit(f'error{_rank()}: {error}')
    except Stopped as stop:
        if os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0')) == '0':
            how = 'interrupted' if stop.reason == 'SIGINT' else f'stopped ({stop.reason})'
            print(f'\n{how}. {when_interrupted}'.rstrip(), file=sys.stderr)
        sys.exit(stop.code)
    except SystemExit:
        raise
    except BaseException as error:
        # not only KeyboardInterrupt: yapf and other libraries replace it by exceptions of their own
        if interrupted:
            print(f'\ninterrupted. {when_interrupted}'.rstrip(), file=sys.stderr)
            sys.exit(130)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            _report(error)
            _exit(
                f'error{_rank()}: {error.filename or "a file"} could not be written: {error.strerror}. '
                f'Make room (df -h, df -i). {when_interrupted}'
            )
        if any(text in str(error) for text in SHARED_MEMORY):
            _report(error)
            _exit(f'error{_rank()}: {OUT_OF_SHARED_MEMORY}')
        if _rank() and any(text in str(error) for text in LOST_PEER):
            # wait for the launcher to end this process, so that it names the one that failed first
            print(f'stopped{_rank()}: another process of the run has ended.', file=sys.stderr, flush=True)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            time.sleep(LAUNCHER_SECONDS)
            os._exit(1)
        if not _rank():
            raise
        _report(error)
        traceback.print_exc()
        _exit(f'failed{_rank()}: {type(error).__name__}: {error}')


def _leave_group() -> None:
    """End a process of a group of several, after what is registered for its end.

    A thread of gloo may outlive the interpreter even after the group is destroyed, and then aborts a process
    that has done its work.
    """
    torch = sys.modules.get('torch')
    if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _rank() -> str:
    """Name this process in an error message; empty if it is the only one."""
    rank = os.environ.get('RANK', os.environ.get('SLURM_PROCID', ''))
    size = os.environ.get('WORLD_SIZE', os.environ.get('SLURM_NTASKS', ''))
    return f' in process {rank} of {size} ({socket.gethostname()})' if rank and size not in ('', '1') else ''


def _report(error: BaseException) -> None:
    """Record an error for torchrun, which names the process that failed first."""
    if 'TORCHELASTIC_ERROR_FILE' in os.environ:
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(error)


def _exit(message: str) -> None:
    """End with status 1, at once where other processes of the run may be waiting for this one."""
    if not _rank():
        sys.exit(message)
    print(message, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(1)
