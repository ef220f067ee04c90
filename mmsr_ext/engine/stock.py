"""Where in the accumulation of gradients a run is."""

from __future__ import annotations

from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch.utils.data import DataLoader


def between_updates(wrapper: OptimWrapper | OptimWrapperDict) -> bool:
    """Whether no gradients are waiting for an update.

    True after every iteration without accumulation; with ``accumulative_counts=n`` after every n-th.
    """
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return all(single._inner_count % single._accumulative_counts == 0 for single in wrappers)


def set_dataloader(runner: Runner, name: str, dataloader: DataLoader | list[DataLoader]) -> None:
    """Give a runner a dataloader that is built, in place of its config.

    Args:
        runner: The runner, whose loops are not built yet.
        name: 'train_dataloader' or 'val_dataloader'.
        dataloader: The dataloader; a list of them for a loop that validates on several datasets.
    """
    attribute = {'train_dataloader': '_train_dataloader', 'val_dataloader': '_val_dataloader'}[name]
    setattr(runner, attribute, dataloader)
