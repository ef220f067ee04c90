"""One run in a folder at a time."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.logging import print_log

from ..errors import InputError

NAME = '.lock'
RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')


@contextmanager
def locked(work_dir: str | Path, launcher: str = 'none') -> Iterator[None]:
    """Keep other runs out of a folder within the block.

    The system gives the lock up when the process ends in any way, so that a killed run is resumed at once;
    its data workers do not hold it. Of a run of several processes the first one holds it.

    Args:
        work_dir: An existing folder.
        launcher: What has started the processes; 'none' if there is only this one.

    Raises:
        InputError: If another run has the folder, with its process and machine.
    """
    rank = next((os.environ[name] for name in RANKS if name in os.environ), '0')
    if launcher != 'none' and rank != '0':
        yield
        return
    path = Path(work_dir) / NAME
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                # a network disk without locks
                print_log(f'{path} cannot be locked ({error.strerror})', 'current', logging.WARNING)
            else:
                holder = os.pread(file, 200, 0).decode(errors='replace').strip() or 'another process'
                raise InputError(
                    f'work_dir {work_dir} is in use by a run: {holder}. Wait for its end, stop it, or give '
                    'another folder with --work-dir.'
                ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f'process {os.getpid()} on {socket.gethostname()}\n'.encode(), 0)
        yield
    finally:
        os.close(file)
