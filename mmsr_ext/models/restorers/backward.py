"""Compute the gradients of one network at a time."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


class PrecomputedGradient(torch.autograd.Function):
    """A loss whose gradient with respect to an image is known already, the loss scaler's factor included.

    Its backward hands that gradient to the generator.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, gradient: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(gradient)
        return image.new_zeros((), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return ctx.saved_tensors[0], None


def scaled_sum(wrapper: OptimWrapper, losses: dict[str, Tensor]) -> Tensor:
    """Sum losses and scale the sum as the wrapper's ``update_params`` does before its backward pass.

    Both the number of accumulated micro-batches and the loss scaler count.
    """
    loss = wrapper.scale_loss(sum(losses.values()))
    scaler = getattr(wrapper, 'loss_scaler', None)
    return loss if scaler is None else scaler.scale(loss)


def backward(wrapper: OptimWrapper, loss: Tensor, network: nn.Module, name: str) -> None:
    """Compute the gradients of one network only, whose norm is logged under the network's name."""
    wrapper.grad_name = f'grad_norm_{name}'
    wrapper.backward(loss, inputs=trainable_parameters(network))


def trainable_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a network that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def detached(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return losses without their graphs, to be logged."""
    return {name: loss.detach() for name, loss in losses.items()}
