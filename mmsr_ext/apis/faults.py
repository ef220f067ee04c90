"""Proof by killing: a run that is killed and resumed equals the one that never was."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.registry import Registry

from .. import registry
from ..engine.durable import SUFFIX
from ..engine.resume_point import damage
from ..errors import InputError
from .train import train

ITERATIONS = 24
RECIPE = """_base_ = 'mmsr_ext::realesrgan_x4.py'
small = dict(kernel_sizes=(3, 5, 7))
model = dict(
    generator=dict(_delete_=True, type='SRResNet', mid_channels=4, num_blocks=1, scale=4),
    discriminator=dict(_delete_=True, type='VGGDiscriminator', mid_channels=2, patch_size=32, dense_channels=4),
    perceptual_loss=None,
    gradient_penalty=dict(type='GradientPenalty', loss_weight=1.0),
    train_cfg=dict(disc_steps=2),
    data_preprocessor=dict(gt_size=32, pool_size=6, first=small, second=small, final_sinc_sizes=(3, 5, 7)))
folder = {folder!r}
loader = dict(persistent_workers=False, pin_memory=False)
train_dataloader = dict(
    **loader, num_workers=0, batch_size=2, dataset=dict(_delete_=True, type='ImageDataset', gt_folder=folder, gt_size=48, augment=True))
val_dataloader = dict(
    **loader,
    num_workers=0,
    batch_size=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(_delete_=True, type='PairedImageDataset', gt_folder=folder, lq_folder=folder + '/lq', scale=4))
test_dataloader = val_dataloader
train_cfg = dict(type='IterBasedTrainLoop', max_iters={iterations}, val_interval=8)
param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[5, 13], gamma=0.5)
default_hooks = dict(checkpoint=dict(interval=3, save_best='PSNR-Y', rule='greater'), logger=dict(interval=4))
custom_hooks = [dict(type='GeneratorEMAHook', decay=0.9)]
env_cfg = dict(cudnn_benchmark=False)
randomness = dict(seed=1, deterministic=True)
log_level = 'ERROR'
"""
# what tells the time of day, or lies in another folder, or counts the checkpoints of a run that was stopped in between
DIFFERS = ('time', 'data_time', 'eta', 'memory', 'cfg', 'experiment_name', 'last_ckpt', 'keep_ckpt_ids', 'best_ckpt', 'statistics_methods')


@dataclass
class Faults:
    """What came of runs that were killed.

    Args:
        runs (int): Runs that were started.
        equal (int): Of these, ended with the same checkpoint as the unbroken run.
        kills (int): How often a run was killed.
        killed_writing (int): Of these, while a checkpoint was being written.
        lost (int): Checkpoints that were damaged by a kill, or gone after it.
        differences (list[str]): The first that differed in each run.
    """

    runs: int = 0
    equal: int = 0
    kills: int = 0
    killed_writing: int = 0
    lost: int = 0
    differences: list[str] = None

    def __str__(self) -> str:
        return (f'{self.equal} of {self.runs} runs equal to the unbroken one in every tensor, after {self.kills} kills '
                f'({self.killed_writing} while a checkpoint was written); {self.lost} checkpoints lost')


def faults(folder: str | Path, runs: int = 50, seed: int = 0, show: bool = False) -> Faults:
    """Train a tiny GAN (Real-ESRGAN's degradation with its pool, batch normalisation, EMA, gradient penalty) again and again, killed with
    signal 9 at random moments and resumed until it ends, and compare its last checkpoint with that of a run that was never killed.

    The number of data workers changes from start to start. Processes are forked, so the packages are imported once; it has to be called
    before torch has run anything in several threads.

    Args:
        folder (str or Path): A new folder.
        runs (int): How many.
        seed (int): What the moments follow from.
        show (bool): Print a line for each run.

    Returns:
        Faults: The count.

    Raises:
        InputError: If the folder is not empty, or ``runs`` is not a positive integer.
    """  # noqa: D205
    folder = Path(folder)
    if not isinstance(runs, int) or runs < 1:
        raise InputError(f'runs={runs!r} must be an integer of at least 1.')
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f'{folder} is not empty; name a new folder.')
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    _import_parts()
    rng, recipe = random.Random(seed), write_recipe(folder)
    start = time.monotonic()
    _Child(recipe, folder / 'whole', 0).check()
    duration, whole = time.monotonic() - start, _last(folder / 'whole')
    result = Faults(differences=[])
    for number in range(runs):
        work_dir = folder / f'run{number}'
        for _ in range(rng.choice((1, 1, 2, 3))):
            _kill(recipe, work_dir, rng, duration, result)
        _Child(recipe, work_dir, rng.choice((0, 1, 2))).check()
        difference = next(differences(whole, _last(work_dir)), '')
        result.runs += 1
        result.equal += not difference
        if difference:
            result.differences.append(f'run{number}: {difference}')
        if show:
            print(f'{number + 1:3d}: {difference or "equal"}; {result.kills} kills, {result.lost} checkpoints lost', flush=True)
    return result


def differences(one: Any, other: Any, name: str = '') -> Iterator[str]:
    """The places where two checkpoints differ, times of day and paths aside.

    Args:
        one: Content of a checkpoint, or a part of it.
        other: That of another.
        name (str): Of the part.

    Yields:
        str: Name of a part that differs, and how.
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


class _Child:
    """A run in a forked process, with its output in a file of its folder."""

    def __init__(self, recipe: Path, work_dir: Path, workers: int) -> None:
        self.work_dir = work_dir
        self.status: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._train(recipe, workers)

    def ended(self) -> bool:
        """Whether the process has ended by itself or was killed."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def kill(self) -> bool:
        """Kill it; False if it had ended before."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status == -signal.SIGKILL

    def check(self) -> None:
        """Wait for its end."""
        while not self.ended():
            time.sleep(1e-3)
        if self.status:
            raise RuntimeError(f'a run ended with status {self.status}; its output is in {self.work_dir / "output.txt"}')

    def _train(self, recipe: Path, workers: int) -> None:
        status = 1
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
            with (self.work_dir / 'output.txt').open('a') as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            train(str(recipe), str(self.work_dir), 'auto', options={'train_dataloader.num_workers': workers})
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _kill(recipe: Path, work_dir: Path, rng: random.Random, duration: float, result: Faults) -> None:
    """Start or resume a run, and kill it at any moment or while it writes; it may end before."""
    before = _newest(work_dir)
    child = _Child(recipe, work_dir, rng.choice((0, 1, 2)))
    writing, deadline = rng.random() < 0.5, time.monotonic() + rng.uniform(0, duration)
    while time.monotonic() < deadline and not child.ended():
        time.sleep(1e-3)
    while writing and not any(work_dir.glob(f'.*{SUFFIX}')) and not child.ended():
        pass
    if child.kill():
        result.kills += 1
        result.killed_writing += any(work_dir.glob(f'.*{SUFFIX}'))
    else:
        child.check()
    result.lost += sum(bool(damage(path)) for path in work_dir.glob('*.pth')) + (_newest(work_dir) < before)
    pointer = work_dir / 'last_checkpoint'
    result.lost += pointer.exists() and not Path(pointer.read_text()).is_file()


def _import_parts() -> None:
    """Import what the registries would import when they are first asked, once for all processes."""
    for parts in vars(registry).values():
        while isinstance(parts, Registry):
            parts.import_from_location()
            parts = parts.parent


def _last(work_dir: Path) -> dict:
    return torch.load(work_dir / f'iter_{ITERATIONS}.pth', weights_only=True)


def _newest(work_dir: Path) -> int:
    return max((int(path.stem.rpartition('_')[2]) for path in work_dir.glob('iter_*.pth')), default=0)


def write_recipe(folder: Path) -> Path:
    """Write five images, and a recipe that trains a tiny GAN on them for ``ITERATIONS`` iterations; returns its path."""
    rng = np.random.default_rng(0)
    (folder / 'images' / 'lq').mkdir(parents=True)
    for index in range(5):
        pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
        for name, size in ((f'{index}.png', 48), (f'lq/{index}.png', 12)):
            cv2.imwrite(str(folder / 'images' / name), cv2.resize(pixels, (size, size), interpolation=cv2.INTER_CUBIC))
    recipe = folder / 'recipe.py'
    recipe.write_text(RECIPE.format(folder=str(folder.resolve() / 'images'), iterations=ITERATIONS))
    return recipe
