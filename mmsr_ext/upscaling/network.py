"""What the upscaler has to know of a network, found out by trying it."""

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
from ..weights import generator_weights
from .onnx_network import OnnxNetwork

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
GLOBAL_LAYERS = (nn.InstanceNorm2d, nn.GroupNorm, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class Traits:
    """What a network takes and gives.

    Args:
        channels: Of its input and output, 3 or 1.
        scale: Output size / input size.
        multiple: Of what the sizes of its input have to be multiples.
        values_per_pixel: Input and output of its largest layer, by pixel of the network's input.
        looks_at_all: A layer whose output depends on the whole image, or ''.
    """

    channels: int
    scale: int
    multiple: int
    values_per_pixel: float
    looks_at_all: str


def load_network(path: str | Path) -> nn.Module:
    """The generator in a file: of this package's architectures, else of spandrel's, if that is installed.

    Args:
        path: A .pth, .safetensors or .onnx file.

    Raises:
        InputError: If the file cannot be read, or its weights are of no known generator. TorchScript, which
            may run code, is not loaded.
    """
    if Path(path).suffix == '.onnx':
        return OnnxNetwork(path)
    try:
        return load_generator(path)
    except InputError as error:
        weights = generator_weights(path)  # the error of a file that cannot be read is raised again
        unknown = error
    try:
        import spandrel
    except ImportError:
        raise InputError(
            f'{unknown} More are known to spandrel: pip install spandrel. A discriminator gives no images.'
        ) from None
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(weights)
    except Exception as error:  # of many kinds: every architecture's loader reads shapes in its own way
        raise InputError(
            f'{unknown} Nor does spandrel {spandrel.__version__} know it ({type(error).__name__}). Give the '
            'file of a generator; a discriminator gives no images.'
        ) from error
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise InputError(
            f'{path} holds a {descriptor.architecture.name} network, which needs more than an image. Give a '
            'network from images to images.'
        )
    return _Spandrel(descriptor)


class _Spandrel(nn.Module):
    """A network that spandrel loaded, with spandrel's padding and range."""

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
    """Try a network, in eval mode on the CPU, on grey images of small sizes.

    Raises:
        InputError: If it does not map images to images whose size is an integer multiple.
    """
    parameter = next(network.parameters(), None)
    if parameter is not None and parameter.device.type != 'cpu':
        raise ValueError(f'examine: the network is on {parameter.device}; expected the CPU.')
    for multiple in MULTIPLES:
        size = multiple * (16 // multiple // 2 * 2 + 1 if multiple < 16 else 3)  # an odd number of times
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
        f'{type(network).__name__} does not turn colour or grey images of {MULTIPLES[0] * 17} to '
        f'{MULTIPLES[-1] * 3} pixels into images of the same or an integer multiple of that size. Give a '
        'generator; a discriminator gives no images.'
    )


@contextmanager
def _largest_layer(network: nn.Module) -> Iterator[list[int]]:
    """While it lasts, the most values that a layer takes and gives."""
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
