"""Mends of modules that are imported later, or never."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

Mend = Callable[[ModuleType], None]


class _Finder(MetaPathFinder):
    """Finds modules as Python does, and mends them once they are executed."""

    def __init__(self) -> None:
        self.mends: dict[str, Mend] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's spec, with a loader that mends it; None for all other modules."""
        mend = self.mends.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if mend else None
        if mend is None or spec is None or spec.loader is None:
            return None
        execute, made = spec.loader.exec_module, mend

        def exec_module(module: ModuleType) -> None:
            execute(module)
            made(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_finder = _Finder()


def after_import(name: str, mend: Mend) -> None:
    """Mend a module: now if it is imported, else when it is.

    Args:
        name: Full name of the module.
        mend: Called once with the module.
    """
    if name in _finder.mends:
        return
    _finder.mends[name] = mend
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if name in sys.modules:
        mend(sys.modules[name])
