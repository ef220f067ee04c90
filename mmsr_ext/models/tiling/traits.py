"""Find out a network's channels, scale and memory use by running it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...errors import InputError

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
GLOBAL_LAYERS = (nn.InstanceNorm2d, nn.GroupNorm, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class Traits:
    """The properties of a network that upscaling depends on.

    Args:
        channels: Channels of input and output.
        scale: Output size / input size.
        multiple: Number that height and width of the input must be multiples of, in pixels.
        values_per_pixel: Values in input and output of its largest layer, per pixel of the network's input.
        looks_at_all: Names of layers whose output depends on the whole image, or ''.
        fixed_size: Height and width of the only images that it takes, in pixels; None for any size.
    """

    channels: int
    scale: int
    multiple: int
    values_per_pixel: float
    looks_at_all: str
    fixed_size: tuple[int, int] | None = None


def examine(network: nn.Module, channels: Sequence[int] = (3, 1)) -> Traits:
    """Find the traits of a network by running it, in eval mode where it is, on small grey images.

    Args:
        network: In eval mode.
        channels: The numbers of channels to try.

    Raises:
        InputError: If it does not map images to images whose size is an integer multiple.
    """
    parameter = next(network.parameters(), None)
    device = parameter.device if parameter is not None else torch.device('cpu')
    fixed = getattr(network, 'fixed_size', None)
    for multiple in (1,) if fixed else MULTIPLES:
        side = multiple * (16 // multiple // 2 * 2 + 1 if multiple < 16 else 3)  # an odd multiple
        height, width = fixed or (side, side)
        for count in channels:
            try:
                with torch.inference_mode(), _largest_layer(network) as largest:
                    # not network(...): hooks on the network itself are for its images
                    output = network.forward(torch.full((1, count, height, width), 0.5, device=device))
            except (
                RuntimeError,
                ValueError,
                IndexError,
                TypeError,
                AssertionError,
            ):  # InputError is a ValueError
                continue
            if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[1] != count:
                continue
            scale = output.shape[-1] // width
            if scale >= 1 and output.shape[-2:] == (scale * height, scale * width):
                values = max(
                    largest[0] / (height * width),
                    (1 + scale**2) * count,
                    getattr(network, 'values_per_pixel', 0),
                )
                layers = sorted(
                    {type(layer).__name__ for layer in network.modules() if isinstance(layer, GLOBAL_LAYERS)}
                )
                return Traits(count, scale, multiple, values, ', '.join(layers), fixed)
    if fixed:
        raise InputError(
            f'{type(network).__name__} takes images of {fixed[0]}x{fixed[1]} px, but does not map them to '
            'images of the same size or an integer multiple of it. Give a generator.'
        )
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
