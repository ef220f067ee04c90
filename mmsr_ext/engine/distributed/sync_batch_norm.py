"""Batch normalisation over all processes, on CPUs."""

from __future__ import annotations

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from ...functional import at_least_float32


class SyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """What ``nn.SyncBatchNorm`` does, which trains on GPUs alone.

    ``sync_bn='torch'`` in a config takes it on CPUs: ``SeparateDDP`` puts it in the place of PyTorch's there.
    Half precision is normalised in float32 and comes out as it came in, as PyTorch's batch normalisation does
    it.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *) by all processes' batch statistics, in eval mode by the running ones."""
        if not self.training or get_world_size() == 1:
            return super().forward(input)
        others = [dim for dim in range(input.ndim) if dim != 1]
        x = at_least_float32(input)
        count = x.new_tensor([x.numel() / x.shape[1]])
        total, count = all_reduce(torch.cat([x.sum(others), count])).split([x.shape[1], 1])
        shape = [1, -1] + [1] * (x.ndim - 2)
        mean = total / count
        centred = x - mean.view(shape)
        variance = all_reduce(centred.square().sum(others)) / count
        self._track(mean.detach(), (variance * count / (count - 1)).detach())
        output = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            output = output * self.weight.view(shape) + self.bias.view(shape)
        return output.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # any

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), momentum)
