"""A network from a file of weights alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..engine.checkpoint import differences, generator_weights
from ..errors import InputError
from ..models.backbones import RRDBNet, SRResNet
from ..models.backbones.length import length_of

# Each has a classmethod ``recognise(weights)`` that gives the arguments of its constructor and the weights under its own names, or None.
ARCHITECTURES = (RRDBNet, SRResNet)


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
    for architecture in ARCHITECTURES:
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
    known = ', '.join(architecture.__name__ for architecture in ARCHITECTURES)
    raise InputError(f'{path} is of no architecture that is recognised by its weights (the first are {", ".join(list(weights)[:3])}). '
                     f'Recognised are: {known}. Build another from its config.')


def recognise_compact(weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Read the hyper-parameters of ``SRVGGNetCompact`` off its weights: convolutions, with a PReLU after each but the last.

    It adds its input, so that it has as many channels as its output. Source: Real-ESRGAN's compact models.

    Args:
        weights (Mapping[str, Tensor]): A state_dict.

    Returns:
        tuple: Arguments of the constructor, and the weights; None if the weights are of another architecture.
    """
    last = f'body.{length_of(weights, "body") - 1}.weight'
    if not {'body.0.weight', 'body.1.weight', last} <= weights.keys() or any(not re.fullmatch(r'body\.\d+\.\w+', key) for key in weights):
        return None
    if [weights[key].ndim for key in ('body.0.weight', 'body.1.weight', last)] != [4, 1, 4]:
        return None
    width, channels = weights['body.0.weight'].shape[:2]
    scale = math.isqrt(weights[last].shape[0] // channels)
    if channels * scale**2 != weights[last].shape[0]:
        return None
    args = dict(
        in_channels=channels,
        out_channels=channels,
        mid_channels=width,
        num_convs=length_of(weights, 'body') // 2 - 1,
        scale=scale,
        act_type='prelu')
    return args, dict(weights)
