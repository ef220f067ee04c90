"""Which checkpoint a run goes on from."""

from __future__ import annotations

import logging
import re
import zipfile
from pathlib import Path

import torch
from mmengine.logging import print_log

from ..errors import InputError

NAME = re.compile(r'(?:iter|epoch)_(\d+)\.pth')


def find_resume_point(work_dir: str | Path) -> str | None:
    """The newest checkpoint of a run that is whole.

    That is the one that ``last_checkpoint`` names, or if it is damaged, the one before, which is said.

    Args:
        work_dir (str or Path): The run's folder.

    Returns:
        str, optional: Path of the checkpoint; None where there is none at all.

    Raises:
        InputError: If there are checkpoints, and all of them are damaged.
    """
    damaged = []
    for path in _newest_first(Path(work_dir)):
        fault = damage(path)
        if not fault:
            for text in damaged:
                print_log(f'{text}. Resuming from {path} instead.', 'current', logging.WARNING)
            return str(path)
        damaged.append(f'{path} is damaged ({fault})')
    if damaged:
        raise InputError(f'no checkpoint to go on from: {"; ".join(damaged)}. Restore one from a copy, or start anew: rm -r {work_dir}')
    return None


def damage(path: Path) -> str:
    """In words, why a checkpoint of PyTorch's zip format cannot be read; empty if it can, to the last byte."""
    try:
        with zipfile.ZipFile(path) as file:
            record = file.testzip()  # torch.load does not look at the check sums
        if record:
            return f'wrong check sum of {record}'
        torch.load(path, map_location='cpu', weights_only=True, mmap=True)
    except Exception as error:  # a damaged file raises whatever it likes
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ''


def _newest_first(folder: Path) -> list[Path]:
    numbered = {int(match[1]): path for path in folder.glob('*.pth') if (match := NAME.fullmatch(path.name))}
    paths = [numbered[number] for number in sorted(numbered, reverse=True)]
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return paths
    named = Path(pointer.read_text(errors='replace').strip())
    # the folder may have been moved since
    last = next((path for path in (folder / named.name, named) if named.name and path.is_file()), None)
    if last is None:
        return paths
    match = NAME.fullmatch(last.name)
    # later ones are of an earlier run in the same folder
    earlier = [numbered[number] for number in sorted(numbered, reverse=True) if match and number < int(match[1])]
    return [last, *(path for path in earlier if path != last)]
