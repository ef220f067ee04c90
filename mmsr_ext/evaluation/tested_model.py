"""The model that a test builds: a restorer of this package, or any model with a generator."""

from __future__ import annotations

import inspect

from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from ..errors import InputError
from ..models.restorers import GANRestorer
from ..registry import MODELS

# A test neither needs these nor the weights that some of them download. Other models may not do without them.
TRAINING_ONLY = {
    'discriminator',
    'gan_loss',
    'pixel_loss',
    'perceptual_loss',
    'extra_losses',
    'gradient_penalty',
    'disc_loss',
}


def is_restorer(cfg: Config) -> bool:
    """Return whether a config's model is a ``GANRestorer``, by the class that the registry has."""
    kind = cfg.model.get('type')
    if isinstance(kind, str):
        with (
            DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmsr_ext'),
            MODELS.switch_scope_and_registry(None) as registry,
        ):
            kind = registry.get(kind)
    return inspect.isclass(kind) and issubclass(kind, GANRestorer)


def drop_training_parts(cfg: Config) -> None:
    """Remove from a restorer what only its training uses; another model stays as its config says."""
    if is_restorer(cfg):
        for part in TRAINING_ONLY & cfg.model.keys():
            cfg.model[part] = None


def baseline_in(cfg: Config) -> str | None:
    """Return the name of the baseline that a restorer adds to its predictions; other models have none."""
    return (cfg.model.get('test_cfg') or {}).get('baseline') if is_restorer(cfg) else None


def generators_of(model: nn.Module, config: str) -> list[nn.Module]:
    """Return the networks that hold the generator's weights.

    MMagic's RealESRGAN predicts with a copy of its generator.

    Args:
        model: Built from the config.
        config: Path of the config, for the error.

    Raises:
        InputError: If the model has no generator.
    """
    networks = [getattr(model, name, None) for name in ('generator', 'generator_ema')]
    if not isinstance(networks[0], nn.Module):
        raise InputError(
            f'config {config}: the model, {type(model).__name__}, has no network called generator, whose '
            'output is measured. Give a config such as srgan_x4, which comes with the package.'
        )
    return [network for network in networks if isinstance(network, nn.Module)]
