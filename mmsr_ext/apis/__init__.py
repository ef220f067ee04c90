"""Use of the package from Python. A function's module is imported when the function is first asked for."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

FUNCTIONS = {
    'Upscaler': 'upscale',
    'evaluate': 'evaluate',
    'evaluate_all': 'evaluate',
    'export': 'export',
    'file_info': 'export',
    'interpolate': 'interpolate',
    'load_generator': 'load',
    'make_pairs': 'pairs',
    'pack_images': 'pack',
    'save_interpolations': 'interpolate',
    'train': 'train',
    'upscale_files': 'upscale_files',
    'verify_store': 'pack',
}  # the module of each

__all__ = list(FUNCTIONS)


class _Package(ModuleType):
    """Gives the functions. Some have the name of their module, under which Python puts the module into its package when it is imported."""

    def __getattr__(self, name: str) -> object:
        if name not in FUNCTIONS:
            raise AttributeError(f'module {self.__name__} has no attribute {name!r}; it has {", ".join(FUNCTIONS)}')
        function = getattr(importlib.import_module(f'{self.__name__}.{FUNCTIONS[name]}'), name)
        setattr(self, name, function)
        return function

    def __setattr__(self, name: str, value: object) -> None:
        if name in FUNCTIONS and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
