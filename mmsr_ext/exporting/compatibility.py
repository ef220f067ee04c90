"""Who can load an exported file."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..generators.architectures import trait
from ..generators.channels import image_channels
from ..models.backbones import SpandrelNet


def readers(network: nn.Module, arguments: dict[str, Any], format: str, names: str = 'basicsr') -> list[str]:
    """Say in sentences which software can load a file, and how.

    Args:
        network: What the file holds.
        arguments: Of the network's constructor, all of them.
        format: See ``export``.
        names: See ``export``.
    """
    if format == 'onnx':
        colours = 'RGB' if image_channels(network) != 1 else 'Y or grey, one channel,'
        return [
            f'ONNX Runtime, chaiNNer and others run it: input and output are float32 {colours} in [0, 1], '
            'NCHW.'
        ]
    if format == 'torchscript':
        return ['torch.jit.load reads it, in Python and C++, without this package.']
    architecture = type(network)
    loads = (
        network.reread()
        if isinstance(network, SpandrelNet)
        else trait(architecture, 'spandrel')(arguments, names)
    )
    by_authors = (
        None if loads or names == 'authors' else trait(architecture, 'spandrel')(arguments, 'authors')
    )
    if loads:
        name, _, remark = loads.partition('. ')
        notes = [f'spandrel (chaiNNer) loads it as {name}, and clips the output to [0, 1]. {remark}'.rstrip()]
    elif by_authors:
        notes = [f"spandrel (chaiNNer) knows {by_authors} by its authors' names: --names authors."]
    else:
        notes = [
            f'spandrel (chaiNNer) does not know this {architecture.__name__}; chaiNNer takes it as onnx.'
        ]
    if format == 'pth' and names == 'basicsr':
        if basicsr := trait(architecture, 'basicsr'):
            name = basicsr if isinstance(basicsr, str) else architecture.__name__
            notes.append(f'BasicSR: param_key_g: params_ema, for a {name}.')
        if trait(architecture, 'mmagic') or any(
            base.__module__.startswith('mmagic.') for base in architecture.__mro__
        ):
            notes.append(
                f'MMagic: mmengine.runner.load_checkpoint, for a {architecture.__name__}; a whole restorer '
                'loads the training checkpoint as it is.'
            )
    return notes
