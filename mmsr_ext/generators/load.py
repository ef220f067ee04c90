"""A network from a file of weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from ..errors import InputError
from ..pretrained import weights_file
from ..weights import differences, generator_part, read_checkpoint, recognise, rename_to, unwrapped
from .architectures import architectures, known_names, trait
from .description import describe, named_generator
from .foreign import network_of_config, with_scale
from .size_limit import explained_by


class NotRecognised(InputError):
    """A file does not say what network it holds, and its weights do not tell."""


class Identified(NamedTuple):
    """A generator that was found in a file.

    Attributes:
        network: On the CPU and in eval mode.
        args: Arguments of its constructor, without those that were left at their defaults.
        content: All that the file holds.
    """

    network: nn.Module
    args: dict[str, Any]
    content: dict[str, Any]


def load_generator(path: str | Path, raw: bool = False, config: str | Path | None = None) -> nn.Module:
    """Build the generator whose weights a file holds, without a config.

    What the file itself says is followed: the metadata of an exported file, or the config that a training
    checkpoint holds, which is parsed and not executed. Else the architecture and its hyper-parameters follow
    from the names and shapes of the weights. Files of this project, BasicSR, Real-ESRGAN, MMagic and KAIR are
    read, the older namings of ESRGAN and RCAN included, with or without the prefixes of
    DistributedDataParallel and torch.compile; of weights and their running average the average.

    >>> from mmsr_ext.models import SRResNet
    >>> import torch
    >>> torch.save(SRResNet(mid_channels=4, num_blocks=1, scale=2).state_dict(), 'net.pth')
    >>> load_generator('net.pth').scale
    2

    Args:
        path: A .pth or .safetensors file, or the name of a network that comes with the package.
        raw: Of weights and their running average the weights.
        config: The config that it was trained with, which says what network it is; for one of the user's own
            package, which the config imports.

    Returns:
        The network, on the CPU and in eval mode; ``scale`` is its factor.

    Raises:
        InputError: If the file cannot be read, or its weights are of none of the architectures, or are
            incomplete.
    """
    return identify(path, raw, config).network


def identify(path: str | Path, raw: bool = False, config: str | Path | None = None) -> Identified:
    """Build the generator in a file as ``load_generator`` does; return its arguments and the content too.

    Raises:
        NotRecognised: If the file says nothing, and its weights are of none of the architectures.
        InputError: If the file cannot be read, or is not what it says.
    """
    path = weights_file(path)
    content = read_checkpoint(path)
    weights = generator_part(content, path, raw)
    described = network_of_config(config) if config else describe(path, content)
    if described:
        architecture, args = described
        args = trait(architecture, 'complete')(args, weights)
        return Identified(
            _build(architecture, args, weights, path, f'by {config} is' if config else 'says that it is'),
            args,
            content,
        )
    for architecture in architectures():
        with explained_by(weights):
            found = next(filter(None, (recognise(architecture, held) for held in unwrapped(weights))), None)
        if found:
            try:
                return Identified(_build(architecture, *found, path, 'looks like'), found[0], content)
            except InputError as error:
                raise NotRecognised(str(error)) from error
    name = named_generator(content)
    if name:
        raise NotRecognised(
            f'{path} says that its generator is {name}, which a file alone does not build. Give the config '
            'that it was trained with: --config FILE.'
        )
    raise NotRecognised(
        f'{path} is of no architecture that is recognised by its weights (the first are '
        f'{", ".join(list(weights)[:3])}). Recognised are: {known_names()}. '
        'Of another give the config that it was trained with: --config FILE.'
    )


def _build(
    architecture: type[nn.Module],
    args: dict[str, Any],
    weights: dict[str, Tensor],
    path: str | Path,
    how: str,
) -> nn.Module:
    text = f'{architecture.__name__}({", ".join(f"{name}={value}" for name, value in args.items())})'
    try:
        with explained_by(weights):
            network = architecture(**args)
    except (TypeError, ValueError, RuntimeError, AssertionError, MemoryError, OverflowError) as error:
        raise InputError(f'{path} {how} {text}, which cannot be built: {error}') from error
    weights = rename_to(network, weights)
    faults = differences(network.state_dict(), weights)
    if faults:
        raise InputError(
            f'{path} {how} {text}, but has weights {faults}. It may be damaged, or a variant that is not '
            'known here.'
        )
    network.load_state_dict(weights)
    return with_scale(network.eval())
