"""How many channels the images have that a network takes."""

from __future__ import annotations

from torch import nn


def image_channels(network: nn.Module) -> int | None:
    """Return the channels of the images that a network takes, as its first convolution tells.

    >>> image_channels(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 3, 3)))
    1

    Returns:
        1 or 3; None for a network that does not tell, such as one that first folds pixels into channels.
    """
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    return first.in_channels if first is not None and first.in_channels in (1, 3) else None
