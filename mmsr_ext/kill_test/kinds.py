"""What else can happen to a run than a kill: a full disk, a second run, little shared memory, signals."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .forked_run import ForkedRun

SECONDS = 60.0  # in which a run has to end
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000  # of <sched.h> and <sys/mount.h>
MNT_DETACH = 2
Happening = Callable[[Path, Path, random.Random, float], str]


def on_signal(recipe: Path, work_dir: Path, rng: random.Random, duration: float) -> str:
    """Send a signal at a random moment; the run has to end within a minute."""
    number = rng.choice(SIGNALS)
    run = ForkedRun(recipe, work_dir, rng.choice((0, 1, 2)))
    if not run.wait(rng.uniform(0, duration)):
        os.kill(run.pid, number)
    return _ends(run, f'after {number.name}')


def on_full_disk(recipe: Path, work_dir: Path, rng: random.Random, duration: float) -> str:
    """Run on a disk that gets full; what was whole has to stay whole.

    The disk is a small one of its own where this process may mount one, every other time; else no file may
    grow beyond a size.
    """
    most, own = rng.choice((2**13, 2**15, 2**17, 2**19)), rng.random() < 0.5
    work_dir.mkdir(parents=True)
    if own and os.geteuid() == 0:
        mount_memory(work_dir, str(most))
        try:
            fault = _ends(ForkedRun(recipe, work_dir, 0), f'on a full disk of {most} bytes')
            kept = shutil.copytree(work_dir, work_dir.with_suffix('.kept'))
        finally:
            call_c('umount2', os.fsencode(work_dir), MNT_DETACH)
        work_dir.rmdir()
        kept.rename(work_dir)
        return fault
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    run = ForkedRun(recipe, work_dir, 0, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard)))
    return _ends(run, f'with files of at most {most} bytes')


def on_second_run(recipe: Path, work_dir: Path, rng: random.Random, duration: float) -> str:
    """Start a second run beside the first, which has to be refused; kill the first, which ends its lock."""
    first = ForkedRun(recipe, work_dir, rng.choice((0, 1)))
    while not first.ended() and not _text(work_dir / '.lock').startswith(f'process {first.pid} '):
        time.sleep(1e-3)
    second = ForkedRun(recipe, work_dir, 0)
    fault = _ends(second, 'beside another')
    alone = first.ended()  # before the second had asked
    if (
        not fault
        and not alone
        and f'in use by a run: process {first.pid} ' not in _text(work_dir / 'output.txt')
    ):
        fault = 'a second run in one folder was not refused'
    first.kill()
    return fault


def on_little_shared_memory(recipe: Path, work_dir: Path, rng: random.Random, duration: float) -> str:
    """Give the data workers 64 MB of shared memory, which is enough here, or 64 kB, which may not be."""
    size = rng.choice(('64m', '64k'))
    run = ForkedRun(recipe, work_dir, 2, lambda: small_shared_memory(size))
    fault = _ends(run, f'with {size} of shared memory')
    output = _text(work_dir / 'output.txt')
    if 'Operation not permitted' in output:
        raise InputError(
            '--kinds shm needs the right to mount a file system: run it as root, or leave it out.'
        )
    if not fault and run.status and (size == '64m' or 'shared memory' not in output):
        fault = f'with {size} of shared memory the run ended with status {run.status}'
    return fault


def small_shared_memory(size: str) -> None:
    """Give this process and its children a /dev/shm of their own; see ``mount_memory``."""
    mount_memory(Path('/dev/shm'), size)


def mount_memory(folder: Path, size: str) -> None:
    """Mount a file system in memory, which only this process and its children see.

    Args:
        folder: An existing folder.
        size: As mount's option of tmpfs takes it.

    Raises:
        OSError: If the process may not mount.
    """
    call_c('unshare', CLONE_NEWNS)
    call_c('mount', b'none', b'/', None, MS_REC | MS_PRIVATE, None)
    call_c('mount', b'tmpfs', os.fsencode(folder), b'tmpfs', 0, f'size={size}'.encode())


def call_c(name: str, *arguments: object) -> None:
    """Call a function of the C library that returns 0 if it was done.

    Args:
        name: The function.
        *arguments: Its arguments: bytes, integers and None.

    Raises:
        OSError: If it was not done.
    """
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


HAPPENINGS: dict[str, Happening] = dict(
    disk=on_full_disk, lock=on_second_run, shm=on_little_shared_memory, signal=on_signal
)


def _ends(run: ForkedRun, when: str) -> str:
    if run.wait(SECONDS):
        return ''
    run.kill()
    return f'a run {when} did not end within {SECONDS:g} s'


def _text(path: Path) -> str:
    return path.read_text(encoding='utf-8', errors='replace') if path.exists() else ''
