"""A tiny run in a forked process, which can be killed."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from mmengine.registry import Registry

from .. import registry
from ..training.run import train

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
"""  # noqa: E501  lines of the template


class ForkedRun:
    """A training in a forked process, resumed from what there is, its output in a file of its folder.

    Args:
        recipe: A config.
        work_dir: The folder of the run.
        workers: Number of data workers.
        prepare: Called in the process before it trains.
    """

    def __init__(
        self, recipe: Path, work_dir: Path, workers: int, prepare: Callable[[], object] | None = None
    ) -> None:
        self.work_dir = work_dir
        self.prepare = prepare
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

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False if it has not ended by then."""
        deadline = time.monotonic() + seconds
        while not self.ended() and time.monotonic() < deadline:
            time.sleep(1e-3)
        return self.ended()

    def check(self) -> None:
        """Wait for its end."""
        while not self.ended():
            time.sleep(1e-3)
        if self.status:
            raise RuntimeError(
                f'a run ended with status {self.status}; its output is in {self.work_dir / "output.txt"}'
            )

    def _train(self, recipe: Path, workers: int) -> None:
        status = 1
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
            with (self.work_dir / 'output.txt').open('a') as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            if self.prepare:
                self.prepare()
            train(str(recipe), str(self.work_dir), 'auto', options={'train_dataloader.num_workers': workers})
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def import_parts() -> None:
    """Import what the registries would import at first use, once for all processes."""
    for parts in vars(registry).values():
        while isinstance(parts, Registry):
            parts.import_from_location()
            parts = parts.parent


def write_recipe(folder: Path) -> Path:
    """Write five images and a recipe that trains a tiny GAN on them; return the recipe's path."""
    rng = np.random.default_rng(0)
    (folder / 'images' / 'lq').mkdir(parents=True)
    for index in range(5):
        pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
        for name, size in ((f'{index}.png', 48), (f'lq/{index}.png', 12)):
            cv2.imwrite(
                str(folder / 'images' / name), cv2.resize(pixels, (size, size), interpolation=cv2.INTER_CUBIC)
            )
    recipe = folder / 'recipe.py'
    recipe.write_text(RECIPE.format(folder=str(folder.resolve() / 'images'), iterations=ITERATIONS))
    return recipe
