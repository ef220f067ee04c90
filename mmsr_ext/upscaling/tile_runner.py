"""Run a network on tiles, and use fp32 when a lower precision fails."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from ..arguments import check_value
from ..errors import InputError
from ..machine import pick_device
from ..models.tiling import TiledRun, check_tiles, tile_from_memory
from ..models.tiling.tiled_run import OVERLAP, SMALLEST_TILE
from .network import examine

Precision = Literal['fp32', 'fp16', 'bf16']
PRECISIONS: dict[str, torch.dtype] = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}


class Runner(TiledRun):
    """Compute the output of a network for tiles.

    When the output in half precision is not finite, or PyTorch lacks an operator for it, this tile and all
    later ones are computed in fp32.

    Args:
        network: A network on the CPU; it is moved to the device.
        device: See ``Upscaler``.
        precision: See ``Upscaler``.
        tile: See ``Upscaler``.
        overlap: See ``Upscaler``.
        ensemble: See ``Upscaler``.
        say: Function that shows a message to the user.

    Attributes:
        precision: Current precision.

    Raises:
        InputError: If the network does not map images to images, or an argument is out of range.
    """

    advice = 'Free memory, or use --device cpu.'

    def __init__(
        self,
        network: nn.Module,
        device: str | None,
        precision: Precision,
        tile: int | None,
        overlap: int | None,
        ensemble: bool,
        say: Callable[[str], None],
    ) -> None:
        check_value('precision', precision, Precision)
        fixed = getattr(network, 'fixed_size', None)  # of an .onnx file
        if fixed:
            if tile not in (None, min(fixed)):
                raise InputError(
                    f'tile={tile!r} cannot be used: the network takes images of {fixed[0]}x{fixed[1]} px '
                    'alone. Leave it out.'
                )
            tile = min(fixed)
            # turned by the ensemble, a tile has to fit the other way round too
            self.sides = (tile, tile) if ensemble else fixed
            if overlap is None or not 0 <= overlap <= tile // 2:
                check_tiles(max(tile, SMALLEST_TILE), overlap)
                overlap = min(OVERLAP, tile // 2)
            super().__init__(overlap, say)
        else:
            super().__init__(check_tiles(tile, overlap), say)
        if PRECISIONS[precision] in getattr(network, 'unfit', ()):
            raise InputError(f'the network does not support {precision}. Use fp32, the default.')
        self.device = _device(device)
        self.ensemble = ensemble
        self._exact = network.float().eval().requires_grad_(False)
        self.traits = examine(self._exact)
        self._set_precision(precision)
        if tile is None:
            tile = tile_from_memory(self.traits, self.device, PRECISIONS[precision].itemsize)
        self.tile = tile or sys.maxsize

    def compute(self, tile: Tensor) -> Tensor:
        """Compute the output of the network for a tile.

        Args:
            tile: Shape (N, C, h, w), with the network's channels, fp32, in [0, 1], on the device.

        Returns:
            Shape (N, C, scale * h, scale * w), fp32.

        Raises:
            InputError: If the output is not finite in fp32.
        """
        if self.device.type == 'mps':
            try:
                return self._compute(tile)
            except (NotImplementedError, TypeError) as error:  # what MPS lacks: operators, and float64
                self.say(f'{error}: continuing on the CPU.')
            self.device = torch.device('cpu')
            self._set_precision(self.precision)
        return self._compute(tile.to(self.device)).to(tile.device)

    def _compute(self, tile: Tensor) -> Tensor:
        if self.precision != 'fp32':
            try:
                output = self._ensemble(tile)
                if torch.isfinite(output).all():
                    return output
                fault = f'the output in {self.precision} is not finite'
            except NotImplementedError as error:  # an operator that PyTorch has on this device only in fp32
                fault = f'{self.precision} is not supported on {self.device} ({error})'
            self.say(f'{fault}: continuing in fp32.')
            self._set_precision('fp32')
        output = self._ensemble(tile)
        if not torch.isfinite(output).all():
            raise InputError(
                'the output of the network is not finite. Its weights may be damaged, or its training may '
                'have diverged; give another checkpoint.'
            )
        return output

    def _ensemble(self, tile: Tensor) -> Tensor:
        if not self.ensemble:
            return self._padded(tile)
        total = torch.zeros(())
        for turns in range(4):
            for flip in (False, True):
                seen = torch.rot90(tile.flip(-1) if flip else tile, turns, (-2, -1))
                output = torch.rot90(self._padded(seen), -turns, (-2, -1))
                total = total + (output.flip(-1) if flip else output)
        return total / 8

    def _padded(self, tile: Tensor) -> Tensor:
        return self.padded(self._network, tile.to(PRECISIONS[self.precision]), torch.channels_last).float()

    def _set_precision(self, precision: str) -> None:
        self.precision = precision
        module = self._exact if precision == 'fp32' else copy.deepcopy(self._exact)
        self._network = module.to(self.device, PRECISIONS[precision]).to(memory_format=torch.channels_last)


def _device(name: str | None) -> torch.device:
    name = pick_device(name)
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f'device={name!r} cannot be used ({reason}). Use cpu, or cuda where there is a GPU.'
        ) from error
    return device
