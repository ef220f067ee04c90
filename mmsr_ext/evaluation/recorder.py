"""What a test leaves: outputs, and figures and times for every image."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Number
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

WARM_UP = 64


@dataclass
class ImageResult:
    """What was measured on one image.

    Args:
        megapixels: Size of the output.
        figures: Metric by name by method.
        seconds: By method, of the network alone.
    """

    megapixels: float
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Recorder(Hook):
    """Record metrics, times and outputs of a ``MultiTestLoop``: FOLDER_OF_THE_SET/METHOD/IMAGE.png.

    The generator is timed alone, and was run on a small piece before, because a first call also sets things
    up.

    Args:
        generators: Whose calls are timed.
        folders: One for each of the loop's dataloaders.
        baseline: The restorer's; it is measured with the first method only.
    """

    def __init__(self, generators: list[nn.Module], folders: list[Path], baseline: str | None) -> None:
        self.folders = folders
        self.baseline = baseline
        self.method = ''
        self.metrics: dict[tuple[str, int], dict[str, float]] = {}
        self.images: list[dict[str, ImageResult]] = [{} for _ in folders]
        self.warm = False
        self.seconds = 0.0
        self._seen: dict[BaseMetric, int] = {}  # results that a metric had after the batch before
        for generator in generators:
            generator.register_forward_pre_hook(self._start, with_kwargs=True)
            generator.register_forward_hook(self._stop)

    def before_test_epoch(self, runner: Runner) -> None:
        """Measure the baseline once."""
        self.warm = False
        self._seen = {}
        if self.metrics:
            for evaluator in runner.test_loop.evaluators:
                evaluator.metrics = [
                    metric for metric in evaluator.metrics if not self._of_baseline(metric.prefix)
                ]

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save the outputs of a batch; its metrics are the last ones that the evaluator has got."""
        loop = runner.test_loop
        index = loop.dataloaders.index(loop.dataloader)
        for position, sample in enumerate(outputs):
            name = sample.get('key', Path(sample.gt_path).stem).replace('/', '_')
            height, width = sample.output.pred_img.shape[-2:]
            image = self.images[index].setdefault(name, ImageResult(height * width / 1e6))
            image.seconds[self.method] = self.seconds / len(outputs)
            for metric in loop.evaluator.metrics:
                method = self.baseline if self._of_baseline(metric.prefix) else self.method
                image.figures.setdefault(method, {}).update(
                    _values_of(metric, position, len(outputs), self._seen.get(metric, 0))
                )
            self._save(index, name, sample)
        self._seen = {metric: len(metric.results) for metric in loop.evaluator.metrics}
        self.seconds = 0.0
        if get_rank() == 0 and sys.stderr.isatty():
            end = '\n' if batch_idx + 1 == loop.total_length else ''
            print(f'\r{self.method}: {batch_idx + 1}/{loop.total_length}', end=end, file=sys.stderr)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Sort the figures by set, which MMagic's loop puts together."""
        for index, evaluator in enumerate(runner.test_loop.evaluators):
            prefixes = {metric.prefix or '' for metric in evaluator.metrics}
            self.metrics[self.method, index] = {
                name: float(value)
                for name, value in (metrics or {}).items()
                if name.rpartition('/')[0] in prefixes and _is_number(value)
            }

    def gather(self) -> None:
        """Put together what the processes have."""
        if get_world_size() == 1:
            return
        parts = all_gather_object(self.images)
        merged: list[dict[str, ImageResult]] = [{} for _ in self.folders]
        for part in parts:
            for images, own in zip(merged, part):
                images.update(own)
        self.images = [dict(sorted(images.items())) for images in merged]

    def _of_baseline(self, prefix: str | None) -> bool:
        return bool(self.baseline) and (prefix or '').rpartition('/')[2] == self.baseline

    def _save(self, index: int, name: str, sample: Any) -> None:
        pictures = {self.method: sample.output.pred_img, 'GT': sample.get('gt_img')}
        if self.baseline:
            pictures[self.baseline] = sample.output.get(f'{self.baseline}_img')
        if self.baseline != 'input':
            pictures['LQ'] = sample.get('input')
        for method, image in pictures.items():
            if image is not None:
                folder = self.folders[index] / method
                folder.mkdir(parents=True, exist_ok=True)
                # restorers of other projects do not round their outputs
                pixels = image.cpu().float().round().clamp(0, 255).byte()
                cv2.imwrite(str(folder / f'{name}.png'), pixels.permute(1, 2, 0).numpy())

    def _start(self, generator: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        if not self.warm:
            self.warm = True
            generator.forward(*map(_piece, inputs), **{key: _piece(one) for key, one in options.items()})
        self.began = _now(inputs)

    def _stop(self, generator: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self.seconds += _now(inputs) - self.began


def _values_of(metric: BaseMetric, position: int, count: int, seen: int) -> dict[str, float]:
    """Return what a metric holds of an image by name; nothing of one that does not keep a result an image.

    Args:
        metric: Ours, whose results are numbers; MMagic's, whose results are dicts; or any other.
        position: Of the image in the batch.
        count: Images of the batch.
        seen: Results that the metric had before the batch.
    """
    if len(metric.results) - seen != count:
        return {}
    result = metric.results[seen + position]
    values = (
        result if isinstance(result, dict) else {getattr(metric, 'metric', type(metric).__name__): result}
    )
    return {str(key): float(value) for key, value in values.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, (Number, np.number)) or (isinstance(value, Tensor) and value.numel() == 1)


def _piece(value: Any) -> Any:
    """Return a corner of a batch of images, and anything else as it is."""
    return value[..., :WARM_UP, :WARM_UP] if isinstance(value, Tensor) and value.ndim > 3 else value


def _now(inputs: Iterable[Any]) -> float:
    if any(isinstance(image, Tensor) and image.is_cuda for image in inputs):
        torch.cuda.synchronize()
    return time.perf_counter()
