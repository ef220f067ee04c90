"""Every private name of MMEngine and PyTorch that the package reads or sets, each behind a function.

``OVERRIDDEN`` lists the private methods that subclasses of ours override. A test makes sure that the
installed versions have all of them, and that no other file uses one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor, is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch import Tensor
from torch.utils.data import DataLoader

OVERRIDDEN = {
    'mmengine.hooks.CheckpointHook': ('_save_checkpoint_with_step', '_save_best_checkpoint'),
    'mmengine.hooks.IterTimerHook': ('_after_iter',),
    'mmengine.runner.IterBasedTrainLoop': ('_decide_current_val_interval',),
}


def unwrapped(model: Any) -> Any:
    """Return a model, or a network, without the wrappers of distributed training."""
    while is_model_wrapper(model):
        model = model.module
    return model


def resumes(runner: Runner) -> bool:
    """Return whether a run goes on from a checkpoint, with its state."""
    return runner._resume


def start_checkpoint(runner: Runner) -> str | None:
    """Return the checkpoint that a run starts or resumes from."""
    return runner._load_from


def trains(runner: Runner) -> bool:
    """Return whether a runner has a training loop, built or not."""
    return runner._train_loop is not None


def seeds_differ(runner: Runner) -> bool:
    """Return whether each process has a random seed of its own."""
    return runner._randomness_cfg.get('diff_rank_seed', False)


def set_dataloader(runner: Runner, name: str, dataloader: DataLoader | list[DataLoader]) -> None:
    """Give a runner a dataloader that is built, in place of its config.

    Args:
        runner: The runner, whose loops are not built yet.
        name: 'train_dataloader' or 'val_dataloader'.
        dataloader: The dataloader; a list of them for a loop that validates on several datasets.
    """
    attribute = {'train_dataloader': '_train_dataloader', 'val_dataloader': '_val_dataloader'}[name]
    setattr(runner, attribute, dataloader)


def endless(dataloader: DataLoader) -> Iterator[Any]:
    """Return MMEngine's iterator that starts a dataloader again when it ends."""
    return _InfiniteDataloaderIterator(dataloader)


def accumulative_counts(wrapper: OptimWrapper) -> int:
    """Return how many iterations an update accumulates gradients over."""
    return wrapper._accumulative_counts


def between_updates(wrapper: OptimWrapper | OptimWrapperDict) -> bool:
    """Return whether no gradients are waiting for an update.

    True after every iteration without accumulation; with ``accumulative_counts=n`` after every n-th.
    """
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return all(single._inner_count % single._accumulative_counts == 0 for single in wrappers)


def send_without_waiting(preprocessor: BaseDataPreprocessor) -> None:
    """Let transfers to the device overlap with what the host does."""
    preprocessor._non_blocking = True


def fixed_scale(wrapper: OptimWrapper) -> float | None:
    """Return the constant scale of an ``AmpOptimWrapper``; None if its scaler adapts."""
    return wrapper._scale_update_param


def found_infinite(wrapper: OptimWrapper) -> Iterable[Tensor]:
    """Return, a tensor a device, whether the loss scaler found gradients that are not finite."""
    return wrapper.loss_scaler._found_inf_per_device(wrapper.optimizer).values()


def indices_without_gradient(error: RuntimeError) -> list[int] | None:
    """Read out of DistributedDataParallel's error which parameters got no gradient.

    Returns:
        Their positions among the parameters that are trained; None for any other error.
    """
    text = str(error)
    if 'parameters that were not used in producing loss' not in text:
        return None
    found = re.search(r'did not receive grad for rank \d+: ([\d ]+)', text)
    return [int(index) for index in found[1].split()] if found else []


def keep_graph_buffers() -> None:
    """Let one compiled graph serve two backward passes."""
    torch._functorch.config.donated_buffer = False
