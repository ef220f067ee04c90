"""Initialisation from a checkpoint."""

from __future__ import annotations

from mmengine.logging import print_log
from torch import nn

from ..registry import WEIGHT_INITIALIZERS
from ..weights import check_fits, read_checkpoint, rename_to, weights_of


@WEIGHT_INITIALIZERS.register_module()
class Pretrained:
    """``init_cfg=dict(type='Pretrained', checkpoint=...)`` that loads all weights or fails.

    MMEngine's initialiser of this name goes on with random weights where names or shapes differ.

    Args:
        checkpoint: A file; None leaves the weights as they are.
        prefix: The part of a restorer's checkpoint to load. A file that holds a bare network is loaded whole.

    Raises:
        InputError: When called, if the file is missing or is not for the network.
    """

    def __init__(self, checkpoint: str | None, prefix: str = 'generator') -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix.rstrip('.')

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module``."""
        if self.checkpoint is None:
            return
        weights = rename_to(module, weights_of(read_checkpoint(self.checkpoint), self.prefix))
        check_fits(module, weights, self.checkpoint)
        module.load_state_dict(weights)
        print_log(f'{type(module).__name__} initialised from {self.checkpoint}', logger='current')
