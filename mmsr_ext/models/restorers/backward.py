"""Gradients of one network at a time."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


class PrecomputedGradient(torch.autograd.Function):
    """A loss whose gradient in an image was computed before, the loss scaler's factor included."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, gradient: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(gradient)
        return image.new_zeros((), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return ctx.saved_tensors[0], None


def scaled_sum(wrapper: OptimWrapper, losses: dict[str, Tensor]) -> Tensor:
    """The sum as the wrapper's ``update_params`` would start from it."""
    loss = wrapper.scale_loss(sum(losses.values()))
    scaler = getattr(wrapper, 'loss_scaler', None)
    return loss if scaler is None else scaler.scale(loss)


def backward(wrapper: OptimWrapper, loss: Tensor, network: nn.Module, name: str) -> None:
    """Gradients of one network only."""
    wrapper.grad_name = f'grad_norm_{name}'
    wrapper.backward(loss, inputs=trainable_parameters(network))


def trainable_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def detached(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without their graphs, to be logged."""
    return {name: loss.detach() for name, loss in losses.items()}
