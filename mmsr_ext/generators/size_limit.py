"""Keep a network that a file describes within what the file's weights explain."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as hooks

from ..errors import InputError

LAYERS_PER_WEIGHT = 100  # of layers without weights, and of those around others
FEW_LAYERS = 1000
VALUES = 2**26  # by which parameters and buffers may be more than the weights


@contextmanager
def explained_by(weights: Mapping[str, Any]) -> Iterator[None]:
    """Refuse, within the block, to build a network that is far larger than weights are.

    A description of a few bytes can ask for a network that takes hours or all memory to build.

    Args:
        weights: The state_dict that the network is built for.

    Raises:
        InputError: As soon as the layers, parameters and buffers that are built in the block are too many.
    """
    thread, layers, values = get_ident(), 0, 0
    most_layers = FEW_LAYERS + LAYERS_PER_WEIGHT * len(weights)
    held = sum(math.prod(value.shape) for value in weights.values() if isinstance(value, Tensor))
    most_values = VALUES + 2 * held

    def count_layer(*_: Any) -> None:
        nonlocal layers
        layers += get_ident() == thread
        if layers > most_layers:
            raise InputError(f'it has more than {most_layers:,} layers, for {len(weights):,} weights')

    def count_values(_: nn.Module, name: str, value: Any) -> None:
        nonlocal values
        if get_ident() != thread or not isinstance(value, Tensor):
            return
        values += math.prod(value.shape)
        if values > most_values:
            raise InputError(f'it has {values:,} parameters, for {held:,} in the file')

    handles = [
        hooks.register_module_module_registration_hook(count_layer),
        hooks.register_module_parameter_registration_hook(count_values),
        hooks.register_module_buffer_registration_hook(count_values),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
