"""Messages between the processes of a run that do not wait for a GPU."""

from __future__ import annotations

from typing import Any

import torch

_groups: dict[object, torch.distributed.ProcessGroup] = {}


def host_group() -> torch.distributed.ProcessGroup:
    """Return a gloo group of all processes, all of which make the first call together."""
    world = torch.distributed.group.WORLD
    if world not in _groups:
        _groups.clear()  # of a world that is no more
        group = torch.distributed.new_group(backend='gloo')
        assert isinstance(group, torch.distributed.ProcessGroup)  # this process is one of all
        _groups[world] = group
    return _groups[world]


def largest(*values: float) -> list[float]:
    """Return the largest of each value over all processes; all of them have to call this."""
    numbers = torch.tensor(values, dtype=torch.float64)
    torch.distributed.all_reduce(numbers, torch.distributed.ReduceOp.MAX, host_group())
    return numbers.tolist()


def from_all(value: Any) -> list[Any]:
    """Return the values of all processes by rank; all of them have to call this."""
    values = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value, host_group())
    return values


def wait_for_all() -> None:
    """Wait until all processes have called this."""
    torch.distributed.barrier(host_group())
