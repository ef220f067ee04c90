"""Messages between the processes of a run that do not wait for a GPU."""

from __future__ import annotations

from typing import Any

import torch

_groups: dict[object, torch.distributed.ProcessGroup] = {}


def host_group() -> torch.distributed.ProcessGroup:
    """A gloo group of all processes, made at the first call, which has to come in all of them."""
    world = torch.distributed.group.WORLD
    if world not in _groups:
        _groups.clear()  # of a world that is no more
        group = torch.distributed.new_group(backend='gloo')
        assert isinstance(group, torch.distributed.ProcessGroup)  # this process is one of all
        _groups[world] = group
    return _groups[world]


def largest(*values: float) -> list[float]:
    """The largest of each value over all processes, each of which has to call this."""
    numbers = torch.tensor(values, dtype=torch.float64)
    torch.distributed.all_reduce(numbers, torch.distributed.ReduceOp.MAX, host_group())
    return numbers.tolist()


def from_all(value: Any) -> list[Any]:
    """The values of all processes by rank, in each of them; each has to call this."""
    values = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value, host_group())
    return values


def wait_for_all() -> None:
    """Go on when all processes have called this."""
    torch.distributed.barrier(host_group())
