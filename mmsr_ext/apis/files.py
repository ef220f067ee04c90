"""Writing files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError


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


def writable(path: str | Path) -> Path:
    """Make sure that a file can be written before long work is done for it.

    Raises:
        InputError: If its folder does not exist, or ``path`` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{path} is a folder; give the name of a file to write.')
    if not path.parent.is_dir():
        raise InputError(f'{path} cannot be written: its folder does not exist. Make it with: mkdir -p {path.parent}')
    return path


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(writable(path)) as partial:
        partial.write_text(text, encoding='utf-8')
