"""Where in the accumulation of gradients a run is."""

from __future__ import annotations

from mmengine.optim import OptimWrapper, OptimWrapperDict


def between_updates(wrapper: OptimWrapper | OptimWrapperDict) -> bool:
    """Whether no gradients are waiting for an update.

    True after every iteration without accumulation; with ``accumulative_counts=n`` after every n-th.
    """
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return all(single._inner_count % single._accumulative_counts == 0 for single in wrappers)
