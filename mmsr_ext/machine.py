"""The machine that something runs on: what it is, and how much memory it has left."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ('torch', 'numpy', 'opencv-python', 'mmengine', 'mmcv', 'mmcv-lite', 'mmagic', 'mmsr_ext')


def pick_device(name: str | None = None) -> str:
    """Return the device of a name; for 'auto' or None the first that is there of CUDA, MPS and the CPU.

    >>> pick_device('cpu')
    'cpu'
    """
    import torch

    if name not in (None, 'auto'):
        return str(name)
    if torch.cuda.is_available():
        return 'cuda'
    return 'mps' if torch.backends.mps.is_available() else 'cpu'


def machine() -> dict[str, Any]:
    """Return processor, cores, accelerator and versions of this machine."""
    import torch

    versions = {'python': platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'
    return dict(processor=_processor(), cores=len(os.sched_getaffinity(0)), device=device, versions=versions)


@contextmanager
def little_memory(more: int) -> Iterator[None]:
    """Let this process allocate no more than ``more`` bytes within the block; only on Linux.

    What asks for more fails, as it does where memory is exhausted.

    Args:
        more: Bytes, beside those that the process has allocated.
    """
    if sys.platform != 'linux':
        yield
        return
    import resource

    lines = Path('/proc/self/status').read_text().splitlines()
    allocated = next(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmData:'))
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [allocated + more, *(limit for limit in (before, most) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def _processor() -> str:
    for line in Path('/proc/cpuinfo').read_text().splitlines() if Path('/proc/cpuinfo').exists() else []:
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.processor() or platform.machine()


def free_memory() -> int:
    """Return the bytes of memory that this process can still take without swapping.

    It is the least of what the machine, the container (cgroup) and the limits of the process (``ulimit``)
    leave.
    """
    return max(0, min([_available(), *_left_by_container(), *_left_by_limits()]))


def _available() -> int:
    for line in _lines(Path('/proc/meminfo')):
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')


def _left_by_container(
    root: Path = Path('/sys/fs/cgroup'), own: Path = Path('/proc/self/cgroup')
) -> list[int]:
    """Return what each memory limit leaves, of the process's control group and those above it.

    File caches, which the kernel drops when memory is needed, do not count as taken.
    """
    left = []
    for line in _lines(own):
        _, controllers, name = line.split(':', 2)
        if controllers and 'memory' not in controllers.split(','):
            continue
        base = root / 'memory' if controllers else root
        files = (
            ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file')
            if controllers
            else ('memory.max', 'memory.current', 'inactive_file')
        )
        folder = base / name.lstrip('/')
        # within a container the name may be that on the host, which cannot be seen
        for group in {base, folder, *(each for each in folder.parents if each.is_relative_to(base))}:
            limit, taken = (next(iter(_lines(group / file)), '') for file in files[:2])
            if limit.isdigit() and taken.isdigit():
                stat = dict(line.split() for line in _lines(group / 'memory.stat'))
                left.append(int(limit) - int(taken) + int(stat.get(files[2], 0)))
    return left


def _left_by_limits() -> list[int]:
    """Return what the limits on the process's address space and data leave."""
    try:
        import resource
    except ImportError:  # not on Windows
        return []
    taken = dict(line.split(':', 1) for line in _lines(Path('/proc/self/status')) if ':' in line)
    return [
        resource.getrlimit(limit)[0] - int(taken[name].split()[0]) * 1024
        for limit, name in ((resource.RLIMIT_AS, 'VmSize'), (resource.RLIMIT_DATA, 'VmData'))
        if resource.getrlimit(limit)[0] != resource.RLIM_INFINITY and name in taken
    ]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
