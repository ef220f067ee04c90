"""Whether an exported file does what the network does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError

# Largest difference from the network itself, for images in [0, 1]; times the largest output, where that
# exceeds 1.
TOLERANCE = 1e-4
HALF_TOLERANCE = 2 / 255


def make_samples(network: nn.Module, arguments: dict[str, Any]) -> list[tuple[Tensor, Tensor]]:
    """Return random images of three sizes, one of the smallest height, and the network's outputs."""
    channels = (
        getattr(network, 'channels', None)
        or arguments.get('in_channels')
        or _first_convolution(network).in_channels
    )
    smallest = next((size for size in range(1, 33) if _takes(network, channels, size)), None)
    if smallest is None:
        raise InputError(
            f'{type(network).__name__} takes no image of up to 32 pixels, and cannot be checked.'
        )
    generator = torch.Generator().manual_seed(0)
    # some take multiples of a number only, at most the smallest size that they take
    step = 1 if _takes(network, channels, 33) else smallest
    sizes = [[-(-side // step) * step for side in size] for size in [(32, 32), (33, 47), (smallest, 35)]]
    images = [torch.rand(1, channels, *size, generator=generator) for size in sizes]
    with torch.no_grad():
        return [(image, network(image)) for image in images]


def _takes(network: nn.Module, channels: int, size: int) -> bool:
    try:
        with torch.no_grad():
            network(torch.zeros(1, channels, size, size))
    except (
        RuntimeError,
        ValueError,
        AssertionError,
        IndexError,
    ):  # paddings wider than the image, and InputError
        return False
    return True


def check(
    run: Callable[[Tensor], Tensor], samples: list[tuple[Tensor, Tensor]], half: bool, format: str
) -> float:
    """Return the largest difference of a file's outputs from the network's.

    Args:
        run: What the file holds, as a function of images (N, C, h, w).
        samples: From ``make_samples``.
        half: Whether the file's weights are in float16.
        format: For the error.

    Raises:
        InputError: If it is beyond the tolerance, or the file does not run.
    """
    worst = 0.0
    cure = 'leave out --half' if half else 'choose another format'
    for image, expected in samples:
        size = 'x'.join(map(str, image.shape[-2:]))
        try:
            with torch.no_grad():
                output = run(image)
        except Exception as error:  # of ONNX Runtime and TorchScript, which have no common base
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f'the {format} file fails on an image of {size} pixels, and is not kept ({reason}); {cure}.'
            ) from error
        if output.shape != expected.shape:
            raise InputError(
                f'the {format} file makes an image of {tuple(output.shape)} where the network makes one of '
                f'{tuple(expected.shape)}, and is not kept; {cure}.'
            )
        difference = (output - expected).abs().max().item()
        bound = (HALF_TOLERANCE if half else TOLERANCE) * max(1.0, expected.abs().max().item())
        if not difference <= bound:  # also where it is not a number
            raise InputError(
                f'the {format} file differs from the network by {difference:.2g} on an image of {size} '
                f'pixels, where at most {bound:.2g} is allowed, and is not kept; {cure}.'
            )
        worst = max(worst, difference)
    return worst


def _first_convolution(network: nn.Module) -> nn.Conv2d:
    """Return the layer that takes the image; its channels are those of the image."""
    return next(module for module in network.modules() if isinstance(module, nn.Conv2d))
