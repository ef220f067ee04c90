"""Several packed stores of one kind, read as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from ..errors import InputError
from ..tool_names import tool
from .store import RGB, Store


class JoinedStores:
    """Stores whose images are numbered one store after another.

    Args:
        folders: Folders of the stores, at least one.

    Raises:
        InputError: If there is none, a store cannot be used, or they are not of one kind: all with pairs at
            one scale, or all with GT alone, with pixels of one kind.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        if not folders:
            raise InputError("the list of stores is empty. Name at least one, such as store=['data/a_x4'].")
        self.stores = [Store(folder) for folder in folders]
        first = self.stores[0]
        self.scale, self.pixels, self.kind = first.scale, first.pixels, _kind(first)
        for store in self.stores:
            if _kind(store) != self.kind:
                raise InputError(
                    f'{store.folder} has {_kind(store)}, and {first.folder} has {self.kind}. Stores in one '
                    f'list must be of one kind. Pack them alike with {tool("pack")}.'
                )
        self.ends = list(accumulate(map(len, self.stores)))

    def __len__(self) -> int:
        return self.ends[-1]

    def check_unchanged(self) -> None:
        """Check that the files have not changed since the stores were opened; see ``Store``."""
        for store in self.stores:
            store.check_unchanged()

    def find(self, number: int) -> tuple[Store, int]:
        """Return the store that has an image, and the image's number in it.

        Raises:
            IndexError: If there is no such image.
        """
        number = range(len(self))[number]
        place = bisect_right(self.ends, number)
        return self.stores[place], number - (self.ends[place - 1] if place else 0)

    def sizes(self) -> np.ndarray:
        """Return height and width of GT in pixels, shape (N, 2), int64."""
        return np.concatenate([store.sizes() for store in self.stores])


def _kind(store: Store) -> str:
    """Describe what a store holds."""
    kind = f'pairs at scale {store.scale}' if store.scale else 'GT alone'
    return kind if store.pixels == RGB else f'{kind} of {store.pixels}'
