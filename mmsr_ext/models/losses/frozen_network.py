"""The base of losses that compare images in the features of a trained network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError


class FrozenNetworkLoss(nn.Module):
    """A loss that compares images in the features of a network which is not trained.

    The network is frozen, always in eval mode, and no part of the module tree: it is neither saved, nor
    wrapped for distributed training, nor given to an optimizer. It follows the loss to another device or
    memory format.

    Args:
        input_range: Values of black and white in the images.

    Raises:
        InputError: If black is not below white.
    """

    def __init__(self, input_range: tuple[float, float]) -> None:
        super().__init__()
        self.low, self.high = input_range
        if not self.low < self.high:
            raise InputError(
                f'{type(self).__name__}: input_range={input_range!r} must be (black, white) with black < '
                'white.'
            )

    def set_network(self, network: nn.Module, compile: dict | None = None) -> None:
        """Freeze the network and keep it.

        Args:
            network: Maps images to whatever the loss compares.
            compile: Arguments of ``torch.compile``, through which ``run_network`` then goes; None for none.
        """
        network.requires_grad_(False).eval()
        # in tuples, which torch does not search for submodules
        self._network = (network,)
        self._compiled = () if compile is None else (torch.compile(network, dynamic=False, **compile),)

    @property
    def network(self) -> Any:
        """The network itself, never compiled."""
        return self._network[0]

    @property
    def is_compiled(self) -> bool:
        """Whether ``run_network`` goes through ``torch.compile``."""
        return bool(self._compiled)

    def run_network(self, *images: Tensor) -> Any:
        """Run the network, compiled if that was asked for."""
        return (self._compiled or self._network)[0](*images)

    def to_unit_range(self, image: Tensor) -> Tensor:
        """Map an image from ``input_range`` to [0, 1]."""
        return (image - self.low) / (self.high - self.low)

    def _apply(self, fn: Callable, recurse: bool = True) -> FrozenNetworkLoss:
        """Move the network along with the loss; ``to``, ``cuda`` and the like all end here."""
        self.network._apply(fn)
        return super()._apply(fn, recurse)
