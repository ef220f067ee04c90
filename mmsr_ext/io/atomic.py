"""Writing files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError

UNFINISHED = '.unfinished'  # suffix of a file that write_durably has not finished


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``, and after the block put that file into its place.

    Nobody sees a half-written file under ``path``, and after an error the one that was there before remains.

    >>> with whole_file(Path('notes.txt')) as partial:
    ...     _ = partial.write_text('done')
    >>> Path('notes.txt').read_text()
    'done'

    Args:
        path: In an existing folder.
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
        raise InputError(
            f'{path} cannot be written: its folder does not exist. Make it with: mkdir -p {path.parent}'
        )
    return path


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(writable(path)) as partial:
        partial.write_text(text, encoding='utf-8')


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole, and its name after its content.

    Args:
        path: Where to; the folder is made.
        content: What.

    Raises:
        OSError: If it cannot be written; what was there before remains.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}{UNFINISHED}')
    try:
        with unfinished.open('wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: str | Path) -> None:
    """Remove what a process that was killed while it wrote has left in ``folder``."""
    for path in Path(folder).glob(f'.*{UNFINISHED}'):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
