"""Check what a runner has built, so that errors come before the first iteration."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import Dataset

from ..arguments import nearest
from ..compat import own_config
from ..config.sections import one_line
from ..datasets.base import inner_datasets
from ..errors import InputError
from ..generators.channels import image_channels
from .monitors import check_monitors


def scale_of(network: Any) -> int | None:
    """Return how many times a generator enlarges an image, or None if it does not tell."""
    scale = getattr(network, 'scale', None) or getattr(network, 'upscale_factor', None)
    return scale if isinstance(scale, int) else None


def check_scales(cfg: Config, model: Any, datasets: dict[str, list[Dataset]]) -> None:
    """Check that the generator enlarges by the scale of the data.

    Args:
        cfg: The config, whose file the error names.
        model: The restorer, not wrapped.
        datasets: Datasets by the section of their dataloader.

    Raises:
        InputError: Naming both scales.
    """
    network = getattr(model, 'generator', None)
    preprocessor = getattr(model, 'data_preprocessor', None)
    scale = scale_of(network)
    if scale is None:
        return
    for name, built in datasets.items():
        makes_lq = getattr(preprocessor, 'makes_lq', lambda training: False)(name.startswith('train'))
        for dataset in (one for each in built for one in (each, *inner_datasets(each))):
            owner = preprocessor if makes_lq else dataset
            wanted = getattr(owner, 'scale', None)
            if isinstance(wanted, int) and wanted != scale:
                raise InputError(
                    f'config {cfg.filename}: {type(owner).__name__} of {name} has scale {wanted}, '
                    f'but model.generator ({type(network).__name__}) enlarges by {scale}. '
                    'Make the two equal.'
                )


def channels_of(dataset: Any) -> int | None:
    """Return the channels of a dataset's images, or None if it does not tell."""
    channels = getattr(dataset, 'channels', None)
    return channels if isinstance(channels, int) else None


def check_channels(cfg: Config, model: Any, datasets: dict[str, list[Dataset]]) -> None:
    """Check that the generator takes images with the channels that the data have.

    Args:
        cfg: The config, whose file the error names.
        model: The restorer, not wrapped.
        datasets: Datasets by the section of their dataloader.

    Raises:
        InputError: Naming both numbers of channels.
    """
    network = getattr(model, 'generator', None)
    taken = image_channels(network) if isinstance(network, nn.Module) else None
    for name, built in datasets.items():
        for dataset in (one for each in built for one in (each, *inner_datasets(each))):
            given = channels_of(dataset)
            if taken is not None and given is not None and taken != given:
                raise InputError(
                    f'config {cfg.filename}: {type(dataset).__name__} of {name} gives images of {given} '
                    f'channel{"s" * (given > 1)}, but model.generator ({type(network).__name__}) takes '
                    f'{taken}. Set {name}.dataset.channels={taken}'
                    + (' (grey as it is stored, Y of colours)' if taken == 1 else '')
                    + f', or in_channels and out_channels of the generator to {given}.'
                )


def check_hooks(runner: Runner) -> None:
    """Check what MMEngine's and MMagic's hooks would complain about in the middle of training.

    Raises:
        InputError: Naming the hook and its key that is wrong.
    """
    where = f'config {runner.cfg.filename}'
    for hook in runner.hooks:
        name = type(hook).__name__
        interval = getattr(hook, 'interval', 1)
        if isinstance(interval, bool) or not isinstance(interval, int):
            raise InputError(f'{where}: {name}: interval={interval!r} must be an integer.')
        if isinstance(hook, CheckpointHook):
            _check_checkpoint_keys(where, hook, runner)
        image = inspect.signature(runner.visualizer.add_datasample).parameters.get('image')
        if name == 'BasicVisualizationHook' and image and image.default is image.empty:
            raise InputError(
                f'{where}: {name} draws with ConcatImageVisualizer, but the visualizer is '
                f'{type(runner.visualizer).__name__}. Take it from '
                f'{own_config("_base_/default_runtime.py")}, or leave the hook out.'
            )


def _check_checkpoint_keys(where: str, hook: CheckpointHook, runner: Runner) -> None:
    """Check the keys that the hook does not know and passes to ``Runner.save_checkpoint``."""
    known = list(inspect.signature(runner.save_checkpoint).parameters)
    unknown = sorted(set(hook.args) - set(known))
    if unknown:
        known += list(inspect.signature(CheckpointHook.__init__).parameters)[1:-1]
        raise InputError(
            f'{where}: {type(hook).__name__}: unknown key {unknown[0]!r}; '
            f'{nearest(unknown[0], known) or "it knows " + ", ".join(known) + "."}'
        )


def check_training(runner: Runner, model: Any) -> None:
    """Validate the loop, the optimizers and the metric of the best checkpoint.

    Args:
        runner: The runner, with all its parts built.
        model: Its restorer, not wrapped.

    Raises:
        InputError: Naming what is missing or cannot be used.
    """
    where = f'config {runner.cfg.filename}'
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        raise InputError(
            f'{where}: train_cfg trains by epochs; expected iterations: '
            "dict(type='IterBasedTrainLoop', max_iters=...)."
        )
    wrappers = (
        dict(runner.optim_wrapper.items())
        if isinstance(runner.optim_wrapper, OptimWrapperDict)
        else {'': runner.optim_wrapper}
    )
    if getattr(model, 'adversarial', False):
        for name in sorted({'generator', 'discriminator'} - wrappers.keys()):
            raise InputError(
                f'{where}: optim_wrapper has no {name}; a GAN needs '
                "dict(constructor='MultiOptimWrapperConstructor', "
                'generator=dict(optimizer=...), discriminator=dict(optimizer=...)).'
            )
    for name, wrapper in wrappers.items():
        _check_clipping(f'{where}: optim_wrapper{"." * bool(name)}{name}.clip_grad', wrapper)
    _check_settings(where, runner, wrappers)
    check_monitors(runner)
    check_content_loss(where, model)


def check_content_loss(where: str, model: Any) -> None:
    """Check that something beside the discriminator tells the generator what to make.

    Args:
        where: The config, for the error.
        model: The restorer, not wrapped.

    Raises:
        InputError: If the adversarial loss is the only one. A loss of weight 0 asks for that.
    """
    kinds = ('pixel_loss', 'perceptual_loss', 'extra_losses')
    if not getattr(model, 'adversarial', False) or any(getattr(model, kind, None) for kind in kinds):
        return
    raise InputError(
        f'{where}: the generator has an adversarial loss and no other, which does not tell it to keep to its '
        "input. Give the model pixel_loss=dict(type='L1Loss', loss_weight=1.0), or features that need no "
        "download: perceptual_loss=dict(type='PerceptualLoss', layer_weights=dict(VGG22=1.0), "
        "pretrained='builtin'). With loss_weight=0.0 the adversarial loss is alone."
    )


def _check_clipping(where: str, wrapper: Any) -> None:
    options = getattr(wrapper, 'clip_grad_kwargs', None)
    if not options:
        return
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    try:
        wrapper.clip_func([parameter], **options)
    except Exception as error:
        raise InputError(
            f'{where} cannot be used: {one_line(error)} Expected: dict(max_norm=1.0).'
        ) from error


def _check_settings(where: str, runner: Runner, wrappers: dict[str, Any]) -> None:
    """Refuse a dict in the place of a number, which PyTorch takes, and saves in every checkpoint."""
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        schedulers = [scheduler for each in schedulers.values() for scheduler in each]
    held = [(f'param_scheduler: {type(one).__name__}', one.state_dict()) for one in schedulers]
    for name, wrapper in wrappers.items():
        held += [(f'optim_wrapper{"." * bool(name)}{name}', group) for group in wrapper.param_groups]
    for owner, settings in held:
        for key, value in settings.items():
            if isinstance(value, ConfigDict):
                raise InputError(f'{where}: {owner}: {key}={dict(value)} must be a number.')
