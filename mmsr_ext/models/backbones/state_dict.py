"""Lengths of sequences of layers, from the names of their weights."""

from __future__ import annotations

import re
from collections.abc import Iterable


def length_of(names: Iterable[str], sequence: str, part: str = '') -> int:
    """Return one more than the highest N of the names ``<sequence>.N.<part>...``; 0 without any.

    Args:
        names: Keys of a state_dict.
        sequence: Such as 'body'.
        part: Counts the layers that have it alone, such as 'conv1'.
    """
    pattern = re.compile(rf'{re.escape(sequence)}\.(\d+)\.{re.escape(part)}')
    return 1 + max((int(found[1]) for found in map(pattern.match, names) if found), default=-1)
