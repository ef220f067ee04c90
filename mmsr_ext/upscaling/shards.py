"""Share images among processes and machines."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch

from ..errors import InputError
from ..tool_names import in_processes

LONGEST = timedelta(days=30)  # that a process waits for the others


@dataclass(frozen=True)
class Shard:
    """The share of one process.

    Args:
        index: From 0.
        count: Number of shares.
        launched: Whether a launcher has started the processes, which then end together.
    """

    index: int = 0
    count: int = 1
    launched: bool = False

    def share(self, items: dict) -> dict:
        """Return every ``count``-th item, from ``index`` on."""
        return dict(list(items.items())[self.index :: self.count])

    def gather(self, value: Any) -> list[Any]:
        """Wait for all processes of the launcher; return the value of each, in their order.

        A launcher ends all processes when one has failed, so none may leave before.
        """
        if not self.launched:
            return [value]
        from torch import distributed

        distributed.init_process_group('gloo', timeout=LONGEST)
        values = [None] * distributed.get_world_size()
        distributed.all_gather_object(values, value)
        distributed.destroy_process_group()
        return values


def parse_shard(text: str | None, launcher: str = 'none') -> Shard:
    """Return the share of this process.

    >>> parse_shard('2/3')
    Shard(index=1, count=3, launched=False)

    Args:
        text: 'I/N': share I of N, I from 1; None for all images.
        launcher: 'pytorch' if torchrun has started this process, which then gets its part of that share.

    Raises:
        InputError: If the text is not 'I/N' with I from 1 to N, or torchrun has not started this process.
    """
    match = re.fullmatch(r'(\d{1,9})/(\d{1,9})', text or '1/1')
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(
            f'--shard {text} must be I/N, I from 1 to N, such as --shard 1/2 in one process and --shard 2/2 '
            'in another.'
        )
    index, count = int(match[1]) - 1, int(match[2])
    if launcher == 'none':
        return Shard(index, count)
    if not {'RANK', 'WORLD_SIZE'} <= os.environ.keys():
        raise InputError(f'--launcher pytorch needs torchrun: {in_processes("upscale")}.')
    rank, size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
    return Shard(index * size + rank, count * size, size > 1)


def device_of_process() -> str | None:
    """Return the GPU of this process among those that a launcher has started; None without one."""
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return f'cuda:{int(os.environ.get("LOCAL_RANK", 0)) % devices}' if devices else None
