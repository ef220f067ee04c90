"""Automatic mixed precision, on machines without a GPU too."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper as StockAmpOptimWrapper
from mmengine.optim import OptimWrapper

from ..errors import InputError
from ..registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(StockAmpOptimWrapper):
    """MMEngine's AmpOptimWrapper, which by itself refuses to start without a GPU.

    On the CPU it trains in bfloat16. Losses are scaled for float16 only: MMEngine scales those of bfloat16,
    too, which has the range of float32.

    Args:
        loss_scale: See MMEngine's; used for float16.
        dtype: 'float16' or 'bfloat16'; without a GPU bfloat16.
        **kwargs: See MMEngine's OptimWrapper.

    Raises:
        InputError: For float16 without a GPU.
    """

    cast_dtype: torch.dtype | None  # MMEngine's

    def __init__(self, loss_scale: Any = 'dynamic', dtype: Any = None, **kwargs: Any) -> None:
        if torch.cuda.is_available():
            super().__init__(loss_scale, dtype, **kwargs)
            if (self.cast_dtype or torch.get_autocast_dtype('cuda')) != torch.float16:
                self.loss_scaler = torch.amp.GradScaler('cuda', enabled=False)
            return
        if dtype not in (None, 'bfloat16', torch.bfloat16):
            raise InputError(
                f'AmpOptimWrapper: dtype={dtype!r} needs a GPU, and none is visible; on the CPU use '
                "dtype='bfloat16'."
            )
        OptimWrapper.__init__(self, **kwargs)
        self.cast_dtype = torch.bfloat16
        self._scale_update_param = None
        self.loss_scaler = torch.amp.GradScaler('cpu', enabled=False)

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the optimizer's state and, if it was saved on a machine with one, the loss scaler's."""
        super().load_state_dict(
            {key: value for key, value in state_dict.items() if key != 'loss_scaler' or value}
        )
