"""Metrics of colours that a config of one channel inherits."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from .checks import each_dict, loaders

METRICS = ('PSNR', 'SSIM', 'mmsr_ext.PSNR', 'mmsr_ext.SSIM')


def leave_out_rgb(cfg: Config) -> list[str]:
    """Remove PSNR-RGB and SSIM-RGB from the evaluators of images of one channel.

    They would be a second PSNR-Y under a wrong name. An evaluator that has nothing else keeps them.

    Args:
        cfg: The config with its overrides; changed in place.

    Returns:
        The names of what was removed, each once.
    """
    removed: dict[str, None] = {}
    for part in ('val', 'test'):
        datasets = [loader.get('dataset') for loader in loaders(cfg.get(f'{part}_dataloader'))]
        evaluators = [one for _, one in each_dict('', cfg.get(f'{part}_evaluator'))]
        for index, evaluator in enumerate(evaluators):
            dataset = datasets[min(index, len(datasets) - 1)] if datasets else None
            metrics = evaluator.get('metrics')
            if not isinstance(metrics, (list, tuple)) or not (_is_grey(dataset) or _generator_is_grey(cfg)):
                continue
            rgb = [metric for metric in metrics if _is_rgb(metric)]
            if len(rgb) < len(metrics):
                evaluator['metrics'] = [metric for metric in metrics if not _is_rgb(metric)]
                removed |= {f'{str(metric["type"]).rpartition(".")[2]}-RGB': None for metric in rgb}
    return list(removed)


def _is_rgb(metric: Any) -> bool:
    return (
        isinstance(metric, dict) and metric.get('type') in METRICS and metric.get('convert_to', None) is None
    )


def _is_grey(dataset: Any) -> bool:
    """Return whether a dataset's section, or the first one within it, gives one channel."""
    if isinstance(dataset, (list, tuple)):
        return bool(dataset) and _is_grey(dataset[0])
    if not isinstance(dataset, dict):
        return False
    return dataset.get('channels') == 1 or any(_is_grey(dataset.get(key)) for key in ('dataset', 'datasets'))


def _generator_is_grey(cfg: Config) -> bool:
    model = cfg.get('model')
    generator = model.get('generator') if isinstance(model, dict) else None
    return isinstance(generator, dict) and 1 in (generator.get('in_channels'), generator.get('channels'))
