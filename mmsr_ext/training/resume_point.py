"""Find the checkpoint from which a run resumes."""

from __future__ import annotations

import logging
import re
import socket
from pathlib import Path

from mmengine.dist import get_world_size
from mmengine.logging import print_log

from ..engine.distributed.process_group import from_all
from ..errors import InputError
from ..io.torch_file import first_unknown, read_torch_file

NAME = re.compile(r'(?:iter|epoch)_(\d+)\.pth')


def find_resume_point(work_dir: str | Path) -> str | None:
    """Return the newest checkpoint of a run that can be read.

    That is the one that ``last_checkpoint`` names. If it is damaged, log a warning and use the previous one.

    Args:
        work_dir: Folder of the run.

    Returns:
        Path of the checkpoint; None where there is none at all.

    Raises:
        InputError: If there are checkpoints, and all of them are damaged.
    """
    damaged: list[str] = []
    for path in _newest_first(Path(work_dir)):
        fault = damage(path)
        if not fault:
            for text in damaged:
                print_log(f'{text}. Resuming from {path} instead.', 'current', logging.WARNING)
            return str(path)
        damaged.append(f'{path} is damaged ({fault})')
    if damaged:
        raise InputError(
            f'no checkpoint can be resumed: {"; ".join(damaged)}. '
            f'Restore one from a copy, or start anew: rm -r {work_dir}'
        )
    return None


def check_same_start(checkpoint: str | None, work_dir: str | Path) -> None:
    """Check that all processes resume the same checkpoint, or none does. Every process has to call this.

    Where every machine has a folder of its own, only that of the first process has checkpoints. The other
    processes would start anew, and the gradients of different networks would be averaged.

    Args:
        checkpoint: The checkpoint that this process resumes, if any.
        work_dir: Folder of the run.

    Raises:
        InputError: In all processes, if their checkpoints differ.
    """
    if get_world_size() == 1:
        return
    found = from_all((Path(checkpoint).name if checkpoint else None, socket.gethostname()))
    if len({name for name, _ in found}) == 1:
        return
    examples: dict[str | None, str] = {}
    for rank, (name, host) in enumerate(found):
        what = f'resumes {name}' if name else 'has no checkpoint'
        examples.setdefault(name, f'process {rank} of {len(found)} on {host} {what}')
    raise InputError(
        f'the processes do not resume the same checkpoint: {", but ".join(examples.values())}. '
        f'work_dir {work_dir} must be one folder that all machines see, and the command the same on all: '
        'give a folder on a shared disk with --work-dir, or copy the checkpoints and the file '
        'last_checkpoint to the same folder of every machine.'
    )


def damage(path: Path) -> str:
    """Describe why a checkpoint cannot be read.

    Args:
        path: Path of the checkpoint.

    Returns:
        The fault in words; empty if every byte can be read.
    """
    try:
        unknown = first_unknown(read_torch_file(path))
    except Exception as error:  # a damaged file may raise anything
        return (str(error).splitlines() or [type(error).__name__])[0]
    return f'it names {unknown}' if unknown else ''


def _newest_first(folder: Path) -> list[Path]:
    numbered = {int(match[1]): path for path in folder.glob('*.pth') if (match := NAME.fullmatch(path.name))}
    paths = [numbered[number] for number in sorted(numbered, reverse=True)]
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return paths
    named = Path(pointer.read_text(errors='replace').strip())
    # the folder may have been moved since it was written
    last = next((path for path in (folder / named.name, named) if named.name and path.is_file()), None)
    if last is None:
        return paths
    match = NAME.fullmatch(last.name)
    # checkpoints with higher numbers are of an earlier run in the same folder
    earlier = [
        numbered[number] for number in sorted(numbered, reverse=True) if match and number < int(match[1])
    ]
    return [last, *(path for path in earlier if path != last)]
