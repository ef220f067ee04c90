"""Load a network for upscaling, and find out its channels, scale and memory use by running it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..generators.load import load_generator
from ..generators.size_limit import explained_by
from ..weights import generator_weights
from .onnx_network import OnnxNetwork, TooMuch

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
GLOBAL_LAYERS = (nn.InstanceNorm2d, nn.GroupNorm, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class Traits:
    """The properties of a network that upscaling depends on.

    Args:
        channels: Channels of input and output, 3 or 1.
        scale: Output size / input size.
        multiple: Number that height and width of the input must be multiples of, in pixels.
        values_per_pixel: Values in input and output of its largest layer, per pixel of the network's input.
        looks_at_all: Names of layers whose output depends on the whole image, or ''.
    """

    channels: int
    scale: int
    multiple: int
    values_per_pixel: float
    looks_at_all: str


def load_network(path: str | Path) -> nn.Module:
    """Load the generator in a file: one of this package's architectures, or of spandrel's if it is installed.

    Args:
        path: A .pth, .safetensors or .onnx file.

    Raises:
        InputError: If the file cannot be read, is TorchScript, which may run code, or its weights are not
            those of a known generator.
    """
    if Path(path).suffix == '.onnx':
        return OnnxNetwork(path)
    try:
        return load_generator(path)
    except InputError as error:
        weights = generator_weights(path)  # raises again if the file cannot be read
        unknown = error
    try:
        import spandrel
    except ImportError:
        raise InputError(
            f'{unknown} For more architectures: pip install spandrel. A discriminator cannot upscale.'
        ) from None
    try:
        with explained_by(weights):
            descriptor = spandrel.ModelLoader().load_from_state_dict(weights)
    except Exception as error:  # any kind: each architecture's loader reads shapes in its own way
        raise InputError(
            f'{unknown} spandrel {spandrel.__version__} does not know it either ({type(error).__name__}). '
            'Give the file of a generator; a discriminator cannot upscale.'
        ) from error
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
    """Find the traits of a network by running it, in eval mode on the CPU, on small grey images.

    Raises:
        InputError: If it does not map images to images whose size is an integer multiple.
    """
    if isinstance(network, OnnxNetwork):
        with network.trial():
            return _examine(network)
    return _examine(network)


def _examine(network: nn.Module) -> Traits:
    parameter = next(network.parameters(), None)
    if parameter is not None and parameter.device.type != 'cpu':
        raise ValueError(f'examine: the network is on {parameter.device}; expected the CPU.')
    for multiple in MULTIPLES:
        size = multiple * (16 // multiple // 2 * 2 + 1 if multiple < 16 else 3)  # an odd multiple
        for channels in (3, 1):
            try:
                with torch.inference_mode(), _largest_layer(network) as largest:
                    output = network(torch.full((1, channels, size, size), 0.5))
            except (
                RuntimeError,
                ValueError,
                IndexError,
                TypeError,
                AssertionError,
            ):  # InputError is a ValueError
                continue
            except TooMuch as error:
                raise InputError(str(error)) from error
            if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[1] != channels:
                continue
            scale = output.shape[-1] // size
            if scale >= 1 and output.shape[-2:] == (scale * size, scale * size):
                values = max(
                    largest[0] / size**2, (1 + scale**2) * channels, getattr(network, 'values_per_pixel', 0)
                )
                layers = sorted(
                    {type(layer).__name__ for layer in network.modules() if isinstance(layer, GLOBAL_LAYERS)}
                )
                return Traits(channels, scale, multiple, values, ', '.join(layers))
    raise InputError(
        f'{type(network).__name__} does not map colour or grey images of {MULTIPLES[0] * 17} to '
        f'{MULTIPLES[-1] * 3} px to images of the same size or an integer multiple of it. Give a generator; '
        'a discriminator cannot upscale.'
    )


@contextmanager
def _largest_layer(network: nn.Module) -> Iterator[list[int]]:
    """Record, within the block, the largest number of values in input and output of a layer."""
    largest = [0]

    def look(layer: nn.Module, inputs: tuple, output: object) -> None:
        tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
        largest[0] = max(largest[0], sum(math.prod(value.shape) for value in tensors))

    hooks = [layer.register_forward_hook(look) for layer in network.modules() if not any(layer.children())]
    try:
        yield largest
    finally:
        for hook in hooks:
            hook.remove()
