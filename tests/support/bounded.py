"""Measure what a case takes, in a copy of this process that may not take much more."""

import os
import pickle
import resource
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

from mmsr_ext import InputError

GIGABYTE = 2**30


class Taken(NamedTuple):
    """How a case ended, and what it took: bytes beyond those of the process that was copied, and seconds."""

    ended: str
    memory: int
    seconds: float


def taken(case, seconds: float = 10.0, most: int = 4 * GIGABYTE) -> Taken:
    """Run a case in a copy of this process; more than ``most`` bytes of memory are not given to it.

    Returns:
        ``ended`` is 'success', 'InputError: ...', another exception, 'hang' or 'died with signal N'.
    """
    reader, writer = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        limit = _now('VmSize') + most
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        before = _now('VmRSS')
        Path('/proc/self/clear_refs').write_text('5')  # the peak counts from here
        ended: Any = 'success'
        try:
            case()
        except InputError as error:
            ended = f'InputError: {error}'
        except BaseException as error:
            ended = f'{type(error).__name__}: {error}'[:500]
        os.write(writer, pickle.dumps((ended[:20000], _now('VmHWM') - before, time.monotonic() - start)))
        os._exit(0)
    os.close(writer)
    while time.monotonic() < start + seconds + 5:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with os.fdopen(reader, 'rb') as pipe:
                content = pipe.read()
            if content:
                return Taken(*pickle.loads(content))
            return Taken(f'died with signal {os.WTERMSIG(status)}', 0, time.monotonic() - start)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    return Taken('hang', 0, time.monotonic() - start)


def _now(name: str) -> int:
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{name}:'):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
