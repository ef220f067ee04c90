"""Which classes are generators: those that are registered and say how they are recognised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from ..models.backbones.generator import Generator
from ..registry import MODELS

MMAGICS = (
    'MSRResNet',
    'SRCNNNet',
)  # wrapped in mmagic_networks, whose import takes seconds: MMagic imports all models


def architectures() -> Iterator[type[nn.Module]]:
    """Yield every generator class that can be recognised by its weights, those of other projects last."""
    last = [one for one in _registered() if trait(one, 'recognised_last')]
    yield from (one for one in _registered() if one not in last)
    from .mmagic_networks import MSRResNet

    yield MSRResNet
    yield from last


def architecture_named(name: str) -> type[nn.Module] | None:
    """Return a generator class by its name, ours or another project's; None for an unknown name."""
    name = name.rpartition('.')[2]
    if name in MMAGICS:
        from . import mmagic_networks

        return getattr(mmagic_networks, name)
    return next((one for one in _registered() if name in (one.__name__, *trait(one, 'aliases'))), None)


def known_names() -> str:
    """Return the names of the architectures that are recognised, for messages."""
    return ', '.join(sorted([*(one.__name__ for one in _registered()), MMAGICS[0]]))


def trait(architecture: type[nn.Module], name: str) -> Any:
    """Return an attribute of ``Generator``, of a class that need not inherit from it."""
    return getattr(architecture, name, getattr(Generator, name))


def _registered() -> Iterator[type[nn.Module]]:
    MODELS.import_from_location()
    for one in MODELS.module_dict.values():
        if isinstance(one, type) and issubclass(one, nn.Module) and hasattr(one, 'recognise'):
            yield one
