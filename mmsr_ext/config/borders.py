"""The border that metrics leave out, where a config says that it is as wide as the scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmengine.config import Config

from .checks import each_dict, loaders

SCALE = 'scale'
OF_GENERATORS = ('scale', 'upscale_factor', 'upscale')


def resolve_borders(cfg: Config, otherwise: Callable[[], int] | None = None) -> None:
    """Replace ``crop_border='scale'`` of metrics by the scale of the images that they measure.

    Args:
        cfg: The config with its overrides; changed in place.
        otherwise: Gives the scale where neither the dataset nor the generator's section says it; without it
            the word stays, and the metric takes the scale from the images.
    """
    for part in ('val', 'test'):
        datasets = [loader.get('dataset') for loader in loaders(cfg.get(f'{part}_dataloader'))]
        evaluators = [one for _, one in each_dict('', cfg.get(f'{part}_evaluator'))]
        for index, evaluator in enumerate(evaluators):
            dataset = datasets[min(index, len(datasets) - 1)] if datasets else None
            for _, metric in each_dict('', evaluator.get('metrics', evaluator)):
                if metric.get('crop_border') != SCALE:
                    continue
                scale = _scale_of(dataset) or _scale_of_generator(cfg) or (otherwise and otherwise())
                if scale:
                    metric['crop_border'] = scale


def _scale_of(dataset: Any) -> int | None:
    """Return the scale of a dataset's section, or of the first one within it."""
    if isinstance(dataset, (list, tuple)):
        return _scale_of(dataset[0]) if dataset else None
    if not isinstance(dataset, dict):
        return None
    if isinstance(dataset.get('scale'), int):
        return dataset['scale']
    return _scale_of(dataset.get('dataset')) or _scale_of(dataset.get('datasets'))


def _scale_of_generator(cfg: Config) -> int | None:
    model = cfg.get('model')
    generator = model.get('generator') if isinstance(model, dict) else None
    if not isinstance(generator, dict):
        return None
    scales = [generator.get(key) for key in OF_GENERATORS]
    return next((scale for scale in scales if isinstance(scale, int)), None)
