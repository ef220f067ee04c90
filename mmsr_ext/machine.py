"""The machine that something was measured on."""

from __future__ import annotations

import os
import platform
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


def _processor() -> str:
    for line in Path('/proc/cpuinfo').read_text().splitlines() if Path('/proc/cpuinfo').exists() else []:
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.processor() or platform.machine()
