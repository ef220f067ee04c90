"""A trial of what a config has built, so that parts that do not go together are named before a run and not in its midst."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor, nn

from ..arguments import nearest
from ..config.load import one_line
from ..errors import InputError
from ..evaluation.metrics import ImageMetric


def try_model(runner: Runner, datasets: dict[str, list[Any]]) -> None:
    """Give networks and losses one grey crop of the size that they will be trained on; nothing of the run changes.

    Raises:
        InputError: Naming the part that cannot use it.
    """
    model = getattr(runner.model, 'module', runner.model)
    generator, size, scale = (
        getattr(model, 'generator', None),
        _crop_size(runner, model),
        _scale(runner, model, datasets),
    )
    if not hasattr(model, 'adversarial') or not size or not scale or size % scale:
        return
    device = next(generator.parameters()).device
    gt, lq = (torch.full((1, 3, edge, edge), 0.5, device=device) for edge in (size, size // scale))
    training = {module: module.training for module in model.modules()}
    # compiled networks would be compiled for this batch of one, too
    with (
        torch.random.fork_rng([device] if device.type == 'cuda' else []),
        torch.compiler.set_stance('force_eager'),
        torch.no_grad(),
    ):
        try:
            _run(runner, model.eval(), lq, gt)
        finally:
            for module, mode in training.items():
                module.training = mode


def _run(runner: Runner, model: nn.Module, lq: Tensor, gt: Tensor) -> None:
    with _part(runner, 'generator', gt):
        fake = model.generator(lq)
        if fake.shape != gt.shape:
            raise InputError(
                f'model.generator ({type(model.generator).__name__}) makes {tuple(fake.shape)} out of {tuple(lq.shape)}; '
                f'expected {tuple(gt.shape)}.'
            )
    for name, loss in {
        'pixel_loss': model.pixel_loss,
        'perceptual_loss': model.perceptual_loss,
        **model.extra_losses,
    }.items():
        if loss is not None:
            with _part(runner, name, gt):
                found = loss(fake, gt)
                _scalars(name, dict(enumerate(found if isinstance(found, tuple) else (found,))))
    if not model.adversarial:
        return
    with _part(runner, 'discriminator', gt):
        real, fake = model.discriminator(gt), model.discriminator(fake)
    with _part(runner, 'gan_loss', gt):
        _scalars(
            'gan_loss', {**model.gan_loss.generator(fake, real), **model.gan_loss.discriminator(real, fake)}
        )
    if model.gradient_penalty is not None:
        with _part(runner, 'gradient_penalty', gt), torch.enable_grad():
            _scalars('gradient_penalty', {0: model.gradient_penalty(model.discriminator, gt, gt.clone())})


@contextmanager
def _part(runner: Runner, name: str, gt: Tensor) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # of many kinds: any network and loss
        raise InputError(
            f'config {runner.cfg.filename}: model.{name} cannot be used on crops of {gt.shape[-1]} px: '
            f'{type(error).__name__}: {one_line(error)}'
        ) from error


def _scalars(name: str, losses: dict[Any, Any]) -> None:
    for loss in losses.values():
        if loss is not None and (not isinstance(loss, Tensor) or loss.numel() != 1):
            what = (
                f'a tensor of shape {tuple(loss.shape)}'
                if isinstance(loss, Tensor)
                else f'a {type(loss).__name__}'
            )
            raise InputError(
                f"model.{name} gives {what}; a loss has to be one number. Check its class and its reduction ('mean')."
            )


def _crop_size(runner: Runner, model: nn.Module) -> int | None:
    return getattr(
        getattr(model, 'data_preprocessor', None), 'gt_size', None
    ) or runner.cfg.train_dataloader.dataset.get('gt_size')


def _scale(runner: Runner, model: nn.Module, datasets: dict[str, list[Any]]) -> int | None:
    generator = getattr(model, 'generator', None)
    owners = [getattr(model, 'data_preprocessor', None), *datasets.get('train_dataloader', []), generator]
    scales = [
        *(getattr(owner, 'scale', None) for owner in owners),
        getattr(generator, 'upscale_factor', None),
    ]
    return next((scale for scale in scales if isinstance(scale, int)), None)


def check_training(runner: Runner) -> None:
    """That loop, optimizers and the metric of the best checkpoint are such as a run needs.

    Raises:
        InputError: Naming what is missing or cannot be used.
    """
    where, model = f'config {runner.cfg.filename}', getattr(runner.model, 'module', runner.model)
    if isinstance(runner._train_loop, EpochBasedTrainLoop):
        raise InputError(
            f"{where}: train_cfg trains by epochs; expected iterations: dict(type='IterBasedTrainLoop', max_iters=...)."
        )
    wrappers = (
        dict(runner.optim_wrapper.items())
        if isinstance(runner.optim_wrapper, OptimWrapperDict)
        else {'': runner.optim_wrapper}
    )
    if getattr(model, 'adversarial', False):
        for name in {'generator', 'discriminator'} - wrappers.keys():
            raise InputError(
                f"{where}: optim_wrapper has no {name}; a GAN needs dict(constructor='MultiOptimWrapperConstructor', "
                'generator=dict(optimizer=...), discriminator=dict(optimizer=...)).'
            )
    for name, wrapper in wrappers.items():
        _check_clipping(f'{where}: optim_wrapper{"." * bool(name)}{name}.clip_grad', wrapper)
    _check_best(where, runner)


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
            f'{where} cannot be used: {one_line(error)}. Expected: dict(max_norm=1.0).'
        ) from error


def _check_best(where: str, runner: Runner) -> None:
    evaluators = getattr(runner._val_loop, 'evaluators', None) or [
        getattr(runner._val_loop, 'evaluator', None)
    ]
    metrics = [metric for evaluator in evaluators for metric in getattr(evaluator, 'metrics', [])]
    known = ['/'.join(filter(None, (metric.prefix, getattr(metric, 'metric', '')))) for metric in metrics]
    if not metrics or not all(isinstance(metric, ImageMetric) for metric in metrics):
        return  # those of others tell their names when they have measured
    for hook in runner.hooks:
        wanted = getattr(hook, 'save_best', None) if isinstance(hook, CheckpointHook) else None
        for name in [wanted] if isinstance(wanted, str) else wanted or []:
            if name != 'auto' and name not in known:
                raise InputError(
                    f'{where}: save_best={name!r} of {type(hook).__name__} is no metric of val_evaluator; '
                    f'{nearest(name, known) or "there are " + ", ".join(known) + "."}'
                )
