"""Proof by killing: a run that is killed and resumed equals the one that never was."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..errors import InputError
from ..io.atomic import UNFINISHED
from ..training.resume_point import damage
from .forked_run import ITERATIONS, ForkedRun, import_parts, write_recipe
from .kinds import HAPPENINGS

# what tells the time of day, or lies in another folder, or counts the checkpoints of a run that was stopped
# in between, or names the
# commit of the folder that the command was given in
DIFFERS = (
    'time',
    'data_time',
    'eta',
    'memory',
    'cfg',
    'experiment_name',
    'last_ckpt',
    'keep_ckpt_ids',
    'best_ckpt',
    'statistics_methods',
    'mmengine_version',
)


@dataclass
class Faults:
    """What came of runs that were killed.

    Args:
        runs: Runs that were started.
        equal: Of these, ended with the same checkpoint as the unbroken run.
        kills: How often a run was killed.
        killed_writing: Of these, while a checkpoint was being written.
        lost: Checkpoints that were damaged by a kill, or gone after it.
        differences: The first that differed in each run.
    """

    runs: int = 0
    equal: int = 0
    kills: int = 0
    killed_writing: int = 0
    lost: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f'{self.equal} of {self.runs} runs equal to the unbroken one in every tensor, after {self.kills} '
            f'kills ({self.killed_writing} while a checkpoint was written); {self.lost} checkpoints lost'
        )


def faults(
    folder: str | Path,
    runs: int = 50,
    seed: int = 0,
    show: bool = False,
    kinds: Sequence[str] = ('kill',),
) -> Faults:
    """Kill runs of a tiny GAN at random moments, resume them, and compare them with an unbroken one.

    The GAN has Real-ESRGAN's degradation with its pool, batch normalisation, a moving average and a gradient
    penalty. Each run is killed with signal 9 and resumed until it ends, and its last checkpoint is compared
    with that of a run that was never killed.

    The number of data workers changes from start to start. Processes are forked, so the packages are imported
    once; it has to be called before torch has run anything in several threads.

    Args:
        folder: A new folder.
        runs: How many of each kind.
        seed: What the moments follow from.
        show: Print a line for each run.
        kinds: What happens to the runs: 'kill', and those of ``kinds.HAPPENINGS``.

    Returns:
        The count.

    Raises:
        InputError: If the folder is not empty, ``runs`` is not a positive integer, or a kind is unknown.
    """
    folder = Path(folder)
    if not isinstance(runs, int) or runs < 1:
        raise InputError(f'runs={runs!r} must be an integer of at least 1.')
    for kind in kinds:
        if kind not in ('kill', *HAPPENINGS):
            raise InputError(f'kinds={kind!r} must be of {", ".join(("kill", *HAPPENINGS))}.')
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f'{folder} is not empty; name a new folder.')
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    import_parts()
    rng, recipe = random.Random(seed), write_recipe(folder)
    start = time.monotonic()
    ForkedRun(recipe, folder / 'whole', 0).check()
    duration, whole = time.monotonic() - start, _last(folder / 'whole')
    result = Faults()
    for number, kind in enumerate(kind for kind in kinds for _ in range(runs)):
        work_dir, kills, fault = folder / f'run{number}', result.kills, ''
        if kind != 'kill':
            fault = HAPPENINGS[kind](recipe, work_dir, rng, duration)
            result.lost += sum(bool(damage(path)) for path in work_dir.glob('*.pth'))
        while (
            kind == 'kill' and result.kills == kills
        ):  # again, should it have ended before it was to be killed
            shutil.rmtree(work_dir, ignore_errors=True)
            for _ in range(rng.choice((1, 1, 2, 3))):
                duration = min(duration, _kill(recipe, work_dir, rng, duration, result))
        ForkedRun(recipe, work_dir, rng.choice((0, 1, 2))).check()
        difference = fault or next(differences(whole, _last(work_dir)), '')
        result.runs += 1
        result.equal += not difference
        if difference:
            result.differences.append(f'run{number} ({kind}): {difference}')
        if show:
            print(
                (
                    f'{number + 1:3d} {kind}: {difference or "equal"}; {result.kills} kills, {result.lost} '
                    'checkpoints lost'
                ),
                flush=True,
            )
    return result


def differences(one: Any, other: Any, name: str = '') -> Iterator[str]:
    """Yield the places where two checkpoints differ, times of day and paths aside.

    Args:
        one: Content of a checkpoint, or a part of it.
        other: That of another.
        name: Of the part.

    Yields:
        Name of a part that differs, and how.
    """
    if hasattr(one, 'data') and hasattr(one, 'max_length'):  # a log history
        one, other = one.data, getattr(other, 'data', other)
    if type(one) is not type(other) or (isinstance(one, (list, tuple)) and len(one) != len(other)):
        yield f'{name} is of another type or length'
    elif isinstance(one, Mapping):
        keys = [key for key in {**one, **other} if not any(part in DIFFERS for part in str(key).split('/'))]
        for key in keys:
            if key in one and key in other:
                yield from differences(one[key], other[key], f'{name}/{key}')
            else:
                yield f'{name}/{key} is in one of them only'
    elif isinstance(one, (list, tuple)):
        for index, pair in enumerate(zip(one, other)):
            yield from differences(*pair, f'{name}/{index}')
    elif isinstance(one, torch.Tensor):
        if one.dtype != other.dtype or not torch.equal(one, other):
            yield f'{name} differs'
    elif isinstance(one, np.ndarray):
        if not np.array_equal(one, other, equal_nan=True):
            yield f'{name} differs'
    elif one != other and not (one != one and other != other):
        yield f'{name} is {one!r} and {other!r}'


def _kill(recipe: Path, work_dir: Path, rng: random.Random, duration: float, result: Faults) -> float:
    """Start or resume a run, and kill it; return the seconds that it took if it ended before."""
    before, start = _newest(work_dir), time.monotonic()
    child = ForkedRun(recipe, work_dir, rng.choice((0, 1, 2)))
    writing, deadline = rng.random() < 0.5, time.monotonic() + rng.uniform(0, duration)
    while time.monotonic() < deadline and not child.ended():
        time.sleep(1e-3)
    while writing and not any(work_dir.glob(f'.*{UNFINISHED}')) and not child.ended():
        pass
    killed = child.kill()
    if killed:
        result.kills += 1
        result.killed_writing += any(work_dir.glob(f'.*{UNFINISHED}'))
    else:
        child.check()
        duration = time.monotonic() - start
    result.lost += sum(bool(damage(path)) for path in work_dir.glob('*.pth')) + (_newest(work_dir) < before)
    pointer = work_dir / 'last_checkpoint'
    result.lost += pointer.exists() and not Path(pointer.read_text()).is_file()
    return duration


def _last(work_dir: Path) -> dict:
    return torch.load(work_dir / f'iter_{ITERATIONS}.pth', weights_only=True)


def _newest(work_dir: Path) -> int:
    return max((int(path.stem.rpartition('_')[2]) for path in work_dir.glob('iter_*.pth')), default=0)
