"""A network from a file of weights alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import nn

from ..engine.checkpoint import differences, generator_weights
from ..errors import InputError
from ..models.backbones import EDSR, ESPCN, RCAN, DeblurResNet, EnhanceNet, RRDBNet, SRResNet, SRVGGNetCompact

# Each has a classmethod ``recognise(weights)`` that gives the arguments of its constructor and the weights under its own names, or None.
ARCHITECTURES = (EDSR, ESPCN, RCAN, DeblurResNet, EnhanceNet, RRDBNet, SRResNet, SRVGGNetCompact)


def load_generator(path: str | Path) -> nn.Module:
    """Build the generator whose weights a file holds, without a config.

    The architecture and its hyper-parameters follow from the names and shapes of the weights. Files of this project, BasicSR, Real-ESRGAN,
    MMagic and KAIR are read, the older namings of ESRGAN included, with or without the prefixes of DistributedDataParallel and
    torch.compile; of weights and their running average the average.

    Args:
        path (str or Path): A .pth or .safetensors file.

    Returns:
        nn.Module: The network, on the CPU and in eval mode; ``scale`` is its factor.

    Raises:
        InputError: If the file cannot be read, or its weights are of none of the architectures, or are incomplete.
    """
    weights = generator_weights(path)
    for architecture in _architectures():
        found = architecture.recognise(weights)
        if found is None:
            continue
        args, weights = found
        network = architecture(**args)
        faults = differences(network.state_dict(), weights)
        if faults:
            raise InputError(f'{path} looks like {architecture.__name__}({", ".join(f"{name}={value}" for name, value in args.items())}), '
                             f'but has weights {faults}. It may be damaged, or a variant that is not known here.')
        network.load_state_dict(weights)
        return network.eval()
    known = ', '.join(architecture.__name__ for architecture in _architectures())
    raise InputError(f'{path} is of no architecture that is recognised by its weights (the first are {", ".join(list(weights)[:3])}). '
                     f'Recognised are: {known}. Build another from its config.')


def _architectures() -> Iterator[type[nn.Module]]:
    yield from ARCHITECTURES
    from .msrresnet import MSRResNet  # imports all of MMagic's models, which takes seconds
    yield MSRResNet
