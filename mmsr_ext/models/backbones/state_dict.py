"""Lengths of sequences of layers, from the names of their weights."""

from __future__ import annotations

import re
from collections.abc import Iterable

LAYERS_PER_NAME = 10  # some layers have no weights


def length_of(names: Iterable[str], sequence: str, part: str = '') -> int:
    """Return one more than the highest N of the names ``<sequence>.N.<part>...``; 0 without any.

    Args:
        names: Keys of a state_dict.
        sequence: Such as 'body'.
        part: Counts the layers that have it alone, such as 'conv1'.

    Raises:
        ValueError: For a number that so few names do not explain.
    """
    names = list(names)
    pattern = re.compile(rf'{re.escape(sequence)}\.(\d+)\.{re.escape(part)}')
    length = 1 + max((int(found[1]) for found in map(pattern.match, names) if found), default=-1)
    if length > LAYERS_PER_NAME * len(names):
        raise ValueError(f'{len(names)} names of weights, but {sequence} has {length:,} layers')
    return length
