"""Files that are whole, and on the disk, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

BACKEND = 'durable'
SUFFIX = '.unfinished'


@register_backend(BACKEND)
class DurableBackend(LocalBackend):
    """MMEngine's backend for local files, whose files survive a kill or a power cut: what is under a name is whole.

    The content goes to a temporary name beside, is brought to the disk, and takes the name at once.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write ``obj`` to ``filepath``; on an error, such as a full disk, what was there remains.

        Raises:
            OSError: If the file cannot be written.
        """
        write_durably(Path(filepath), obj)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole, and its name after its content.

    Args:
        path (Path): Where to; the folder is made.
        content (bytes): What.

    Raises:
        OSError: If it cannot be written; what was there before remains.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}{SUFFIX}')
    try:
        with unfinished.open('wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        _sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: str | Path) -> None:
    """Remove what a process that was killed while it wrote has left in ``folder``."""
    for path in Path(folder).glob(f'.*{SUFFIX}'):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
