"""How the command lines end: one line for what the user can put right, no traceback."""

from __future__ import annotations

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
LAUNCHER_SECONDS = 15.0


def run(main: Callable[[], object], when_interrupted: str = '') -> None:
    """Call ``main`` and leave the process: status 0, 1 after an InputError or on a full disk, 130 after Ctrl-C.

    A run that was asked to stop and has saved where it is ends with 130 after Ctrl-C, 143 after SIGTERM, 0 after its time. Among several
    processes each names itself, and the launcher is told whose failure came first.

    Args:
        main (Callable): The command line.
        when_interrupted (str): What to say when it was interrupted or stopped.
    """
    interrupted = False

    def interrupt(signum: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        main()
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
        # not KeyboardInterrupt alone: yapf and other libraries on the way turn it into errors of their own
        if interrupted:
            print(f'\ninterrupted. {when_interrupted}'.rstrip(), file=sys.stderr)
            sys.exit(130)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            _report(error)
            _exit(
                f'error{_rank()}: {error.filename or "a file"} could not be written: {error.strerror}. Make '
                f'room (df -h, df -i). {when_interrupted}'
            )
        if _rank() and any(text in str(error) for text in LOST_PEER):
            # the process that failed first is to be the one that the launcher names, and the launcher ends this one
            print(f'stopped{_rank()}: another process of the run is gone.', file=sys.stderr, flush=True)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            time.sleep(LAUNCHER_SECONDS)
            os._exit(1)
        if not _rank():
            raise
        _report(error)
        traceback.print_exc()
        _exit(f'failed{_rank()}: {type(error).__name__}: {error}')


def _rank() -> str:
    """Which of several processes this is, in words."""
    rank, size = (
        next((os.environ[name] for name in names if name in os.environ), '')
        for names in (('RANK', 'SLURM_PROCID'), ('WORLD_SIZE', 'SLURM_NTASKS'))
    )
    return f' in process {rank} of {size} ({socket.gethostname()})' if rank and size not in ('', '1') else ''


def _report(error: BaseException) -> None:
    """Tell torchrun, which names the process that failed first."""
    if 'TORCHELASTIC_ERROR_FILE' in os.environ:
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(error)


def _exit(message: str) -> None:
    """Status 1. Other processes of the run may be waiting for this one: nothing is waited for."""
    if not _rank():
        sys.exit(message)
    print(message, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(1)
