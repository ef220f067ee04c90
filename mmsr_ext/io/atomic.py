"""Write files atomically: whole, or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError

PARTIAL = '.partial'  # in the name of the temporary file of whole_file
STALE = 3600  # seconds after which such a file has no process any more
UNFINISHED = '.unfinished'  # suffix of the temporary file of write_durably


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, and rename that file to ``path`` after the block.

    No half-written file ever stands at ``path``; after an error the previous one remains. The temporary name
    is short, whatever the length of ``path``, and no other process has it.

    >>> with whole_file(Path('notes.txt')) as partial:
    ...     _ = partial.write_text('done')
    >>> Path('notes.txt').read_text()
    'done'

    Args:
        path: File to write, in an existing folder.

    Raises:
        OSError: Before the block, if the folder cannot be written to, or cannot hold a file of that name.
    """
    if path.is_dir() and not path.is_symlink():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with suppress(FileNotFoundError):
        os.lstat(path)  # fails for a name that is too long, say
    partial = path.with_name(f'.{secrets.token_hex(6)}{PARTIAL}{path.suffix}')
    partial.touch(exist_ok=False)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial(folder: str | Path) -> None:
    """Remove the temporary files that a process killed in ``whole_file`` has left in ``folder``.

    Those that were written to in the last hour stay: they may be another process's.
    """
    for path in Path(folder).glob(f'.*{PARTIAL}.*'):
        with suppress(OSError):  # another process has removed it
            if re.fullmatch(rf'\.[0-9a-f]{{12}}{re.escape(PARTIAL)}\.\w+', path.name) and (
                time.time() - path.stat().st_mtime > STALE
            ):
                path.unlink()


def writable(path: str | Path) -> Path:
    """Check that a file can be written, before the long work whose result it holds.

    Returns:
        The path.

    Raises:
        InputError: If the folder does not exist, or ``path`` is a folder.
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
    """Write a UTF-8 text file atomically.

    Raises:
        InputError: If the folder does not exist, or ``path`` is a folder.
    """
    with whole_file(writable(path)) as partial:
        partial.write_text(text, encoding='utf-8')


def write_durably(path: Path, content: bytes) -> None:
    """Write a file atomically, so that it also survives a loss of power.

    The content reaches the disk before the name does.

    Args:
        path: File to write; its folder is created if needed.
        content: Bytes of the file.

    Raises:
        OSError: If the file cannot be written; the previous one remains.
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
    """Remove the temporary files that a process killed in ``write_durably`` has left in ``folder``."""
    for path in Path(folder).glob(f'.*{UNFINISHED}'):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush the directory entries of a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
