"""TensorFloat-32 on or off."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...registry import HOOKS


@HOOKS.register_module()
class TF32Hook(Hook):
    """Switch TensorFloat-32 on or off for float32 matrix products and convolutions on GPUs.

    By itself PyTorch does so in convolutions and not in matrix products. Does nothing on other devices.

    Args:
        enabled: For both; False makes float32 exact.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def before_run(self, runner: Runner) -> None:
        """Set PyTorch's switches."""
        torch.backends.cuda.matmul.allow_tf32 = self.enabled
        torch.backends.cudnn.allow_tf32 = self.enabled
