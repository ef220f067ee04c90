"""Validate a corner of one image before training, so that metrics that cannot be used are named."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..config.sections import one_line
from ..engine.random_state import random_state, set_random_state
from ..errors import InputError
from ..evaluation.checks import check_images, images_of, warn_of_memory

SIDE = 256  # px of the ground truth; validation of more would take its time
# a metric may refuse to say anything of two images, but not with these
SLIPS = (AttributeError, ImportError, IndexError, KeyError, NameError, NotImplementedError, TypeError)


def check_validation(runner: Runner, model: Any) -> None:
    """Check files, batches and metrics of validation, and the memory that it needs.

    Args:
        runner: The runner, with all its parts built.
        model: Its restorer, not wrapped.

    Raises:
        InputError: Naming what cannot be used.
    """
    loop = runner.val_loop
    if loop is None:
        return
    loaders = getattr(loop, 'dataloaders', None) or [loop.dataloader]
    evaluators = getattr(loop, 'evaluators', None) or [loop.evaluator]
    check_images(runner.cfg, 'val_dataloader', loaders, evaluators)
    warn_of_memory('val_dataloader', model, loaders)
    try_validation(runner.cfg, model, loaders, evaluators)


def try_validation(cfg: Config, model: Any, loaders: list[DataLoader], evaluators: list[Any]) -> None:
    """Show a corner of the smallest image to the model and to copies of the metrics.

    It leaves no trace in the run. Models of other projects are not tried.

    Args:
        cfg: The config, whose file the error names.
        model: The restorer, not wrapped.
        loaders: Of validation.
        evaluators: One for each loader.

    Raises:
        InputError: Naming the dataset, the model or the metric that cannot be used.
    """
    if not hasattr(model, 'adversarial'):
        return
    for loader, evaluator in zip(loaders, evaluators):
        with _without_trace(model):
            with _part(cfg, f'val_dataloader: {type(loader.dataset).__name__}'):
                sample = loader.dataset[_smallest(loader)]
                batch = (loader.collate_fn or list)([_corner(sample, model)])
            with _part(cfg, 'model, in validation,'):
                outputs = model.val_step(batch)
            shown = [one.to_dict() if hasattr(one, 'to_dict') else one for one in outputs]
            for metric in getattr(evaluator, 'metrics', []):
                with _part(cfg, f'val_evaluator: {type(metric).__name__}'):
                    _try_metric(metric, model, loader, batch, shown)


def _try_metric(metric: Any, model: Any, loader: DataLoader, batch: Any, shown: list[Any]) -> None:
    try:
        tried = copy.deepcopy(metric)
    except Exception:  # what it holds may not be copied: an open file, a process
        return
    if hasattr(tried, 'prepare'):
        tried.prepare(model, loader)
    for _ in range(2):
        tried.process(batch, shown)
    if tried.results:
        try:
            tried.compute_metrics(list(tried.results))
        except SLIPS:
            raise
        except Exception:  # two equal images are few, for a metric of a whole set
            return


def _smallest(loader: DataLoader) -> int:
    images = images_of(loader.dataset)
    return min(range(len(images)), key=lambda index: images[index].height * images[index].width, default=0)


def _corner(sample: Any, model: Any) -> Any:
    """Cut a corner out of LQ and GT of a sample; others are tried whole."""
    inputs = sample.get('inputs') if isinstance(sample, dict) else None
    samples: Any = sample.get('data_samples') if isinstance(sample, dict) else None
    gt = samples.get('gt_img') if hasattr(samples, 'get') else None
    if not isinstance(inputs, Tensor) or not isinstance(gt, Tensor):
        return sample
    scale = gt.shape[-1] // inputs.shape[-1]
    if not scale or gt.shape[-2:] != tuple(scale * size for size in inputs.shape[-2:]):
        return sample
    side = max(SIDE // scale, 1)
    cut = samples.clone()
    cut.set_data(dict(gt_img=gt[..., : side * scale, : side * scale]))
    return {**sample, 'inputs': inputs[..., :side, :side], 'data_samples': cut}


@contextmanager
def _without_trace(model: nn.Module) -> Iterator[None]:
    random, modes = random_state(), {module: module.training for module in model.modules()}
    with torch.no_grad():
        try:
            model.eval()
            yield
        finally:
            set_random_state(random)
            for module, mode in modes.items():
                module.training = mode


@contextmanager
def _part(cfg: Config, name: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f'config {cfg.filename}: {error}') from error
    except Exception as error:  # datasets, networks and metrics may raise anything
        raise InputError(f'config {cfg.filename}: {name} cannot be used: {one_line(error)}') from error
