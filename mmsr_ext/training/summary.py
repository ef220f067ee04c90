"""What a run is, in ten lines, where MMEngine prints hundreds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from ..engine.stock import resumes, start_checkpoint


def log_summary(runner: Runner, model: Any, datasets: dict[str, list[Dataset]]) -> None:
    """Log what is trained, on what, for how long, where, and where its files go.

    Args:
        runner: The runner, whose parts are built.
        model: The restorer, not wrapped.
        datasets: What the dataloaders read: 'train_dataloader' and 'val_dataloader'.
    """
    lines = dict(_lines(runner, model, datasets))
    width = max(map(len, lines))
    runner.logger.info('\n'.join(['', *(f'  {name:<{width}}  {text}' for name, text in lines.items())]))


def _lines(runner: Runner, model: Any, datasets: dict[str, list[Dataset]]) -> Iterator[tuple[str, str]]:
    cfg = runner.cfg
    for name in ('generator', 'discriminator'):
        if (network := getattr(model, name, None)) is not None:
            yield name, _described(network)
    if not hasattr(model, 'generator'):
        yield 'model', _described(model)
    losses = ('pixel_loss', 'perceptual_loss', 'gan_loss', 'gradient_penalty')
    named = {name: getattr(model, name, None) for name in losses} | dict(getattr(model, 'extra_losses', {}))
    if used := [f'{name} ({type(loss).__name__})' for name, loss in named.items() if loss is not None]:
        yield 'losses', ', '.join(used)
    batch, processes = cfg.train_dataloader.get('batch_size'), get_world_size()
    size = cfg.train_dataloader.dataset.get('gt_size') or getattr(model.data_preprocessor, 'gt_size', None)
    yield (
        'training data',
        f'{_images(datasets["train_dataloader"])}, batches of {batch}'
        + f' in each of {processes} processes' * (processes > 1)
        + (f', crops of {size} px' if size else ''),
    )
    if datasets['val_dataloader']:
        every = cfg.train_cfg.get('val_interval')
        yield 'validation', f'{_images(datasets["val_dataloader"])}, every {every:,} iterations'
    yield 'length', f'{runner.max_iters:,} iterations'
    device = next(model.parameters()).device
    name = (
        torch.cuda.get_device_name(device)
        if device.type == 'cuda'
        else f'{device.type}, {torch.get_num_threads()} threads'
    )
    yield 'device', f'{name}; {_precision(runner)}'
    if start := start_checkpoint(runner):
        yield 'resumes' if resumes(runner) else 'starts from', str(start)
    yield 'files', f'{runner.work_dir}; the whole log: {Path(runner.log_dir) / f"{runner.timestamp}.log"}'


def _described(network: nn.Module) -> str:
    count = sum(parameter.numel() for parameter in network.parameters())
    return f'{type(network).__name__}, {count:,} parameters'


def _images(datasets: list[Dataset]) -> str:
    return ' + '.join(
        f'{len(one):,} images of {getattr(one, "metainfo", {}).get("folder") or type(one).__name__}'  # type: ignore[arg-type]
        for one in datasets
    )


def _precision(runner: Runner) -> str:
    wrapper: Any = runner.optim_wrapper
    wrappers = list(dict(wrapper.items()).values()) if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    dtypes = {str(getattr(one, 'cast_dtype', None) or 'float32').removeprefix('torch.') for one in wrappers}
    return ', '.join(sorted(dtypes))
