"""Run networks and losses once before training, so that parts that do not go together are named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor
from torch.utils.data import Dataset

from ..config.sections import one_line
from ..datasets.base import inner_datasets
from ..errors import InputError
from .checks import channels_of, scale_of


def try_model(cfg: Config, model: Any, datasets: list[Dataset]) -> None:
    """Send one grey crop of the training size through the networks and losses, without a trace in the run.

    Nothing is tried where the size of the crops or the scale is unknown, or the model is no GANRestorer.

    Args:
        cfg: The config, whose file the error names.
        model: The restorer, not wrapped.
        datasets: What it will be trained on.

    Raises:
        InputError: Naming the part that cannot use the crop.
    """
    size, scale = _crop_size(model, datasets), _data_scale(model, datasets)
    if not hasattr(model, 'adversarial') or not size or not scale or size % scale:
        return
    device = next(model.generator.parameters()).device
    inner = (one for dataset in datasets for one in inner_datasets(dataset))
    channels = next(filter(None, map(channels_of, inner)), 3)
    gt, lq = (torch.full((1, channels, edge, edge), 0.5, device=device) for edge in (size, size // scale))
    modes = {module: module.training for module in model.modules()}
    with (
        torch.random.fork_rng([device] if device.type == 'cuda' else []),
        torch.compiler.set_stance('force_eager'),  # else networks are compiled for this batch of one, too
        torch.no_grad(),
    ):
        try:
            model.eval()
            fake = _try_generator(cfg, model, lq, gt)
            _try_losses(cfg, model, fake, gt)
            if model.adversarial:
                _try_discriminator(cfg, model, fake, gt)
        finally:
            for module, mode in modes.items():
                module.training = mode


def _try_generator(cfg: Config, model: Any, lq: Tensor, gt: Tensor) -> Tensor:
    with _part(cfg, 'generator', gt):
        fake = model.generator(lq)
        if fake.shape != gt.shape:
            raise InputError(
                f'model.generator ({type(model.generator).__name__}) makes {tuple(fake.shape)} '
                f'out of {tuple(lq.shape)}; expected {tuple(gt.shape)}.'
            )
    return fake


def _try_losses(cfg: Config, model: Any, fake: Tensor, gt: Tensor) -> None:
    losses = dict(pixel_loss=model.pixel_loss, perceptual_loss=model.perceptual_loss)
    for name, loss in [*losses.items(), *model.extra_losses.items()]:
        if loss is not None:
            with _part(cfg, name, gt):
                values = loss(fake, gt)
                _check_scalars(name, *(values if isinstance(values, tuple) else (values,)))


def _try_discriminator(cfg: Config, model: Any, fake: Tensor, gt: Tensor) -> None:
    with _part(cfg, 'discriminator', gt):
        real_logits, fake_logits = model.discriminator(gt), model.discriminator(fake)
    with _part(cfg, 'gan_loss', gt):
        of_generator = model.gan_loss.generator(fake_logits, real_logits)
        of_discriminator = model.gan_loss.discriminator(real_logits, fake_logits)
        _check_scalars('gan_loss', *of_generator.values(), *of_discriminator.values())
    if model.gradient_penalty is not None:
        with _part(cfg, 'gradient_penalty', gt), torch.enable_grad():
            _check_scalars('gradient_penalty', model.gradient_penalty(model.discriminator, gt, gt.clone()))


@contextmanager
def _part(cfg: Config, name: str, gt: Tensor) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # networks and losses may raise anything
        raise InputError(
            f'config {cfg.filename}: model.{name} cannot be used on crops of {gt.shape[-1]} px: '
            f'{one_line(error)}'
        ) from error


def _check_scalars(name: str, *losses: Any) -> None:
    for loss in losses:
        if loss is not None and (not isinstance(loss, Tensor) or loss.numel() != 1):
            is_tensor = isinstance(loss, Tensor)
            what = f'a tensor of shape {tuple(loss.shape)}' if is_tensor else f'a {type(loss).__name__}'
            raise InputError(
                f'model.{name} gives {what}; a loss has to be one number. '
                "Check its class and its reduction ('mean')."
            )


def _crop_size(model: Any, datasets: list[Dataset]) -> int | None:
    return _first_integer('gt_size', model, datasets)


def _data_scale(model: Any, datasets: list[Dataset]) -> int | None:
    return _first_integer('scale', model, datasets) or scale_of(getattr(model, 'generator', None))


def _first_integer(name: str, model: Any, datasets: list[Dataset]) -> int | None:
    """Return an attribute of the data preprocessor or of the first dataset, within wrappers, that has it."""
    inner = (one for dataset in datasets for one in (dataset, *inner_datasets(dataset)))
    for owner in (getattr(model, 'data_preprocessor', None), *inner):
        if isinstance(value := getattr(owner, name, None), int):
            return value
    return None
