"""The public functions and classes. Each is imported when it is first asked for."""

from __future__ import annotations

import importlib

MODULES = {
    'Upscaler': 'upscaling.upscaler',
    'evaluate': 'evaluation.evaluate',
    'export': 'exporting.export',
    'file_info': 'exporting.export',
    'interpolate': 'generators.interpolate',
    'load_generator': 'generators.load',
    'make_pairs': 'packing.make_pairs',
    'pack_images': 'packing.pack',
    'save_interpolations': 'evaluation.interpolation',
    'train': 'training.run',
    'upscale_files': 'upscaling.files',
    'verify_store': 'packing.pack',
}

__all__ = list(MODULES)


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f'module {__name__} has no attribute {name!r}; it has {", ".join(MODULES)}')
    return getattr(importlib.import_module(f'mmsr_ext.{MODULES[name]}'), name)
