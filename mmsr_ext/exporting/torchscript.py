"""Networks as TorchScript files."""

from __future__ import annotations

import json
import keyword
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from ..generators.description import ENTRY


def write_torchscript(network: nn.Module, example: Tensor, path: Path, metadata: dict[str, str]) -> None:
    """Trace a network into a file that takes any batch, height and width, on any device.

    Args:
        network: In eval mode.
        example: An input, (N, C, H, W).
        path: The .pt file.
        metadata: Goes into the archive's extra file ``mmsr_ext``, as JSON.
    """
    network = _without_keywords(deepcopy(network))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter(
            'ignore'
        )  # of checks of an image's size, which are not traced, and of TorchScript's age
        traced = torch.jit.trace(network, example, check_trace=False)  # export checks more than one size
        torch.jit.save(traced, str(path), _extra_files={ENTRY: json.dumps(metadata)})


def run_torchscript(path: Path) -> Callable[[Tensor], Tensor]:
    """Return the network in a TorchScript file as a function on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return torch.jit.load(str(path), map_location='cpu')


def _without_keywords(network: nn.Module) -> nn.Module:
    """Rename mmcv's layer 'in', a keyword that TorchScript writes and cannot read again."""
    for module in network.modules():
        for name in filter(keyword.iskeyword, list(module._modules)):
            module._modules[f'{name}_'] = module._modules.pop(name)
            if getattr(module, 'norm_name', None) == name:
                setattr(module, 'norm_name', f'{name}_')  # noqa: B010  a str, where torch expects a module
    return network
