"""Writing files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``, and after the block put that file into its place.

    Nobody sees a half-written file under ``path``, and after an error the one that was there before remains.

    Args:
        path (Path): In an existing folder.
    """
    partial = path.with_name(f'.{path.stem}.partial{path.suffix}')
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
