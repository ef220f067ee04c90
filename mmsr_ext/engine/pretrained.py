"""Initialisation from a checkpoint."""

from __future__ import annotations

from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from ..errors import InputError
from ..registry import WEIGHT_INITIALIZERS
from ..weights import check_fits, differences, read_checkpoint, rename_to, weights_of


@WEIGHT_INITIALIZERS.register_module()
class Pretrained:
    """Load all weights of a file, or fail: ``init_cfg=dict(type='Pretrained', checkpoint=...)``.

    MMEngine's initialiser of this name goes on with random weights where names or shapes differ.

    Args:
        checkpoint: A file; None leaves the weights as they are.
        prefix: The part of a restorer's checkpoint to load; None for all of it. A file that holds a bare
            network is loaded whole.
        partial: Load the weights whose names and shapes fit, such as those of another scale or depth, and log
            what is left as it was initialised.
        map_location: MMEngine's; the weights go to where the network is in any case.

    Raises:
        InputError: When called, if the file is missing or is not for the network.
    """

    def __init__(
        self,
        checkpoint: str | None,
        prefix: str | None = 'generator',
        partial: bool = False,
        map_location: Any = 'cpu',
    ) -> None:
        self.checkpoint = checkpoint
        self.prefix = (prefix or '').rstrip('.')
        self.partial = partial

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module``."""
        if self.checkpoint is None:
            return
        weights = rename_to(module, weights_of(read_checkpoint(self.checkpoint), self.prefix))
        name = type(module).__name__
        if not self.partial:
            self._check(module, weights)
            module.load_state_dict(weights)
            print_log(f'{name} initialised from {self.checkpoint}', logger='current')
            return
        own = module.state_dict()
        fitting = {
            key: value for key, value in weights.items() if key in own and own[key].shape == value.shape
        }
        if not fitting:
            raise InputError(
                f'{self.checkpoint} has no weights that fit {name}: {differences(own, weights)}. Give a '
                'file of the same architecture.'
            )
        module.load_state_dict(fitting, strict=False)
        left = [key for key in own if key not in fitting]
        print_log(
            f'{name}: {len(fitting)} of {len(own)} weights initialised from {self.checkpoint}; as '
            f'initialised stay {", ".join(left) or "none"}',
            logger='current',
        )

    def _check(self, module: nn.Module, weights: dict[str, Tensor]) -> None:
        try:
            check_fits(module, weights, self.checkpoint or '')
        except InputError as error:
            other = self._other_part(module)
            hint = (
                f'It fits with prefix={other!r}.'
                if other
                else 'To load what fits: init_cfg=dict(..., partial=True).'
            )
            raise InputError(f'{error} {hint}') from error

    def _other_part(self, module: nn.Module) -> str | None:
        """Return the prefix of a part of the file that fits the network whole; None if there is none."""
        content = read_checkpoint(self.checkpoint or '')
        for part in ('generator', 'generator_ema', 'discriminator'):
            if part != self.prefix and not differences(
                module.state_dict(), rename_to(module, weights_of(content, part))
            ):
                return part
        return None
