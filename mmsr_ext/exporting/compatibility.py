"""Who can load an exported file."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..models.backbones import EDSR, RCAN, RRDBNet, SRVGGNetCompact


def readers(network: nn.Module, arguments: dict[str, Any], format: str, names: str = 'basicsr') -> list[str]:
    """Software that can load a file, and how, in sentences.

    Args:
        network (nn.Module): What the file holds.
        arguments (dict): Of the network's constructor, all of them.
        format (str): See ``export``.
        names (str): See ``export``.
    """
    if format == 'onnx':
        return ['ONNX Runtime, chaiNNer and others run it: input and output are float32 RGB in [0, 1], NCHW.']
    if format == 'torchscript':
        return ['torch.jit.load reads it, in Python and C++, without this package.']
    notes = [_spandrel(network, arguments, names)]
    if format == 'pth' and names == 'basicsr':
        if isinstance(network, (RRDBNet, SRVGGNetCompact, EDSR, RCAN)):
            notes.append(f'BasicSR: param_key_g: params_ema, for a {type(network).__name__}.')
        if isinstance(network, RRDBNet) or any(
            base.__module__.startswith('mmagic.') for base in type(network).__mro__
        ):
            notes.append(
                f'MMagic: mmengine.runner.load_checkpoint, for a {type(network).__name__}; a whole restorer loads the training '
                'checkpoint as it is.'
            )
    return notes


def _spandrel(network: nn.Module, arguments: dict[str, Any], names: str) -> str:
    """What spandrel 0.4, with which chaiNNer loads networks, makes of one."""
    loads = 'spandrel (chaiNNer) loads it as {}, and clips the output to [0, 1].'
    if (
        isinstance(network, RRDBNet)
        and arguments['growth_channels'] == 32
        and arguments['in_channels'] == arguments['out_channels']
    ):
        border = ' It extends images to multiples of 4 pixels in its own way, which changes their border.'
        return loads.format('ESRGAN') + (border if network.scale < 4 else '')
    if isinstance(network, SRVGGNetCompact) and arguments['act_type'] == 'prelu':
        return loads.format('Compact')
    if isinstance(network, RCAN):
        return (
            loads.format('RCAN')
            if names == 'authors'
            else "spandrel (chaiNNer) knows RCAN by its authors' names: --names authors."
        )
    return f'spandrel (chaiNNer) does not know this {type(network).__name__}; chaiNNer takes it as onnx.'
