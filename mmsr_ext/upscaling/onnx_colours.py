"""Check the value range and the channel order of a network that comes from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..errors import InputError
from ..models.tiling import Traits
from .onnx_network import OnnxNetwork

FAR = 0.2  # mean error, of 1, that no network from images to images makes on a plain colour


def check_colours(network: OnnxNetwork, traits: Traits) -> None:
    """Check the range and the order of a network's channels by what it makes of plain colours.

    Args:
        network: Of a file that others may have written.
        traits: Traits of the network.

    Raises:
        InputError: If a plain grey or colour does not come back as it was, with what to do.
    """
    if network.ours:
        return
    channels, size = traits.channels, traits.fixed_size or (3 * traits.multiple, 3 * traits.multiple)
    if not traits.fixed_size and traits.multiple < 8:
        size = (16, 16)
    grey = _mean(network, [0.5] * channels, size)
    if (grey - 0.5).abs().max() > FAR or not torch.isfinite(grey).all():
        other = '0-1' if network.input_range == '0-255' else '0-255'
        found = f'grey 0.5 of 1 comes back as {", ".join(f"{value:.3g}" for value in grey.tolist())}'
        tried, network.input_range = network.input_range, other  # type: ignore[assignment]
        better = (_mean(network, [0.5] * channels, size) - 0.5).abs().max() <= FAR
        network.input_range = tried
        raise InputError(
            f'{network.path} does not take images of range {tried}: {found}. '
            + (
                f'Give --input-range {other}.'
                if better
                else 'Nor of range ' + other + '. Give a network from images to images.'
            )
        )
    if channels == 3:
        colour = torch.tensor([0.75, 0.5, 0.25])
        found_colour = _mean(network, colour.tolist(), size)
        if (found_colour - colour.flip(0)).abs().max() < (found_colour - colour).abs().max() - FAR:
            raise InputError(
                f'{network.path} gives its channels in another order than it takes them: red comes back as '
                'blue. Export it again with RGB images as input and output.'
            )


def _mean(network: OnnxNetwork, colour: Sequence[float], size: tuple[int, int]) -> Tensor:
    """Return the mean colour that the network gives for a plain colour."""
    image = torch.tensor(colour).view(1, -1, 1, 1).expand(1, -1, *size)
    return adaptive_avg_pool2d(network(image), 1).flatten()
