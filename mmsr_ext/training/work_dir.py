"""The folder of a run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import is_main_process

from ..errors import InputError


@contextmanager
def new_work_dir(work_dir: str) -> Iterator[None]:
    """Make the folder of a run, and remove it again if the block fails and it did not exist before.

    Args:
        work_dir: Path of the folder.

    Raises:
        InputError: If the folder cannot be written.
    """
    existed = Path(work_dir).exists()
    try:
        Path(work_dir).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            pass
    except OSError as error:
        raise InputError(
            f'work_dir {work_dir} cannot be written ({error.strerror}). Give another with --work-dir.'
        ) from error
    try:
        yield
    except BaseException:
        if not existed and is_main_process():
            shutil.rmtree(work_dir, ignore_errors=True)
        raise
