"""The machine that something was measured on."""

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
