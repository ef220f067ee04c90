"""Which checkpoint a run goes on from."""

from __future__ import annotations

import logging
import re
import socket
import zipfile
from pathlib import Path

import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log

from ..engine.distributed.process_group import from_all
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
        raise InputError(
            f'no checkpoint to go on from: {"; ".join(damaged)}. Restore one from a copy, or start anew: rm -r {work_dir}'
        )
    return None


def check_same_start(checkpoint: str | None, work_dir: str | Path) -> None:
    """That all processes go on from the same checkpoint, or none from any. Each of them has to call this.

    Where every machine has a folder of its own, the checkpoints are on that of the first process alone; the others would start anew, and
    the gradients of different networks would be averaged.

    Args:
        checkpoint (str, optional): What this process goes on from.
        work_dir (str or Path): The run's folder.

    Raises:
        InputError: In all processes, if they differ.
    """
    if get_world_size() == 1:
        return
    found = from_all((Path(checkpoint).name if checkpoint else None, socket.gethostname()))
    if len({name for name, _ in found}) == 1:
        return
    first: dict[str | None, str] = {}
    for rank, (name, host) in enumerate(found):
        first.setdefault(
            name,
            f'process {rank} of {len(found)} on {host} {f"goes on from {name}" if name else "has no checkpoint"}',
        )
    raise InputError(
        f'the processes do not go on from the same checkpoint: {", but ".join(first.values())}. work_dir {work_dir} must be '
        'one folder that all machines see, and the command the same on all: give a folder on a shared disk with --work-dir, '
        'or bring the checkpoints and the file last_checkpoint to the same folder of every machine.'
    )


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
    earlier = [
        numbered[number] for number in sorted(numbered, reverse=True) if match and number < int(match[1])
    ]
    return [last, *(path for path in earlier if path != last)]
