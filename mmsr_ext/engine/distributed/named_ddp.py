"""DistributedDataParallel that names the parameters which the loss does not use."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ...errors import InputError
from ..stock import indices_without_gradient


class NamedDDP(DistributedDataParallel):
    """PyTorch's DistributedDataParallel, whose error for unused parameters says which, and what allows them.

    Args:
        name: Dotted key of the network in the config.
        network: The network.
        **kwargs: See DistributedDataParallel.

    Raises:
        InputError: From the second forward on, if the first backward did not reach all parameters.
    """

    def __init__(self, name: str, network: nn.Module, **kwargs: Any) -> None:
        super().__init__(network, **kwargs)
        self.config_key = name
        # without torch.compile; a list hides it from the module tree
        self.bare = [getattr(network, '_orig_mod', network)]
        self.trained = [key for key, value in self.bare[0].named_parameters() if value.requires_grad]

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """See DistributedDataParallel."""
        try:
            return super().forward(*inputs, **kwargs)
        except RuntimeError as error:
            indices = indices_without_gradient(error)
            if indices is None:
                raise
            names = [self.trained[index] for index in indices if index < len(self.trained)]
            shown = ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '')
            raise InputError(
                f'{self.config_key} ({type(self.bare[0]).__name__}) has parameters that its output does not '
                f'depend on, which training in several processes does not allow: {shown or "unknown"}. '
                'Remove or freeze them, or add --cfg-options model_wrapper_cfg.find_unused_parameters=True'
            ) from error
