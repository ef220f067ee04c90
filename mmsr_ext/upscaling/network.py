"""Load a network for upscaling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..generators.load import load_generator
from ..generators.size_limit import explained_by
from ..models.tiling import Traits
from ..models.tiling import examine as traits_of
from ..weights import generator_weights, is_onnx, unwrapped
from .onnx_colours import check_colours
from .onnx_network import InputRange, OnnxNetwork, TooMuch


def load_network(
    path: str | Path, input_range: InputRange = '0-1', config: str | Path | None = None
) -> nn.Module:
    """Load the generator in a file: one of this package's architectures, or of spandrel's if it is installed.

    Args:
        path: A .pth, .safetensors or .onnx file.
        input_range: Range of the values that an .onnx file takes and gives.
        config: See ``load_generator``.

    Raises:
        InputError: If another range is given for a file that is not ONNX, or the file cannot be read, is
            TorchScript, which may run code, or its weights are not those of a known generator.
    """
    if is_onnx(path):
        return OnnxNetwork(path, input_range)
    if input_range != '0-1':
        raise InputError(f'--input-range {input_range} is for .onnx files, and {path} is none. Leave it out.')
    try:
        return load_generator(path, config=config)
    except InputError as error:
        if config:
            raise
        weights = generator_weights(path)  # raises again if the file cannot be read
        unknown = error
    try:
        import spandrel
    except ImportError:
        raise InputError(
            f'{unknown} For more architectures: pip install spandrel. A discriminator cannot upscale.'
        ) from None
    descriptor, reason = None, ''
    for held in unwrapped(weights):
        try:
            with explained_by(held):
                descriptor = spandrel.ModelLoader().load_from_state_dict(held)
            break
        except Exception as error:  # any kind: each architecture's loader reads shapes in its own way
            reason = reason or type(error).__name__
    if descriptor is None:
        raise InputError(
            f'{unknown} spandrel {spandrel.__version__} does not know it either ({reason}). '
            'Give the file of a generator; a discriminator cannot upscale.'
        )
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise InputError(
            f'{path} holds a {descriptor.architecture.name} network, which needs more than an image. Give a '
            'network from images to images.'
        )
    return _Spandrel(descriptor)


class _Spandrel(nn.Module):
    """A network loaded by spandrel, with spandrel's padding and value range."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model = descriptor.model
        self.descriptor = descriptor
        self.unfit = {
            dtype
            for dtype, fit in [
                (torch.float16, descriptor.supports_half),
                (torch.bfloat16, descriptor.supports_bfloat16),
            ]
            if not fit
        }

    def forward(self, x: Tensor) -> Tensor:
        return self.descriptor(x)


def examine(network: nn.Module) -> Traits:
    """Find the traits of a network, see ``models.tiling``; one of ONNX Runtime gets little memory and time.

    Raises:
        InputError: If it does not map images to images whose size is an integer multiple.
    """
    if not isinstance(network, OnnxNetwork):
        return traits_of(network)
    try:
        with network.trial():
            traits = traits_of(network)
            check_colours(network, traits)
            return traits
    except TooMuch as error:
        raise InputError(str(error)) from error
